import json

import replicate

output = replicate.run("me/basic:0123abcd", input={"name": "Ada", "loud": True})
print(json.dumps(output))
