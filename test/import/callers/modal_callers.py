import json

import modal
from squares import square

by_name = modal.Function.from_name("squares", "square")
spawned = by_name.spawn(5)
print(json.dumps([square.remote(3), list(by_name.map([1, 2])), spawned.get()]))
