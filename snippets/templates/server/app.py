"""__TITLE__: a server of your own, with its routes as they are."""

import fal

# At the top: a module of local_python_modules goes to fal inside the app, where an import in a function does not find it.
from server import make_app


@fal.function(
    # "S" is a CPU; a model server wants "GPU-A100" or "GPU-H100".
    machine_type="S",
    # fal sends every request to this port.
    exposed_port=8000,
    requirements=["fastapi", "uvicorn"],
    # Modules beside this one that go to fal with it.
    local_python_modules=["server"],
    keep_alive=300,
)
def __FUNCTION__():
    import uvicorn

    # It listens before it is ready to answer: fal takes the runner for started once the port is open.
    uvicorn.run(make_app(), host="127.0.0.1", port=8000, log_level="warning")
