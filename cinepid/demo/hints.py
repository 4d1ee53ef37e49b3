"""What to try in another terminal: commands that work as they stand."""

import shutil
import sys
from pathlib import Path

from cinepid.demo.brokers import USUAL_PORT
from cinepid.topics import Address, Topics, build


def hints(device: str, port: int) -> list[str]:
    """Three things to try with this device on this broker."""
    events = Topics(device).event("#")
    snapshot = _command(device, "snapshot", "take")
    settings = _command(device, "camera", "set")
    if shutil.which("mosquitto_pub"):
        where = "" if port == USUAL_PORT else f" -p {port}"
        return [
            "Try in another terminal:",
            f"  mosquitto_sub{where} -v -t '{events}'",
            f"  mosquitto_pub{where} -t {snapshot} -n",
            f"""  mosquitto_pub{where} -t {settings} -m '{{"ev": 1}}'""",
        ]
    publish = f'{_python()} -c "import paho.mqtt.publish as mqtt; mqtt.single'
    subscribe = f'{_python()} -c "import paho.mqtt.subscribe as mqtt; mqtt.callback'
    show = "lambda client, data, message: print(message.topic, message.payload.decode())"
    return [
        "Try in another terminal (it is shorter with: apt install mosquitto-clients):",
        f"""  {subscribe}({show}, '{events}', port={port})\"""",
        f"""  {publish}('{snapshot}', port={port})\"""",
        f"""  {publish}('{settings}', '{{\\"ev\\": 1}}', port={port})\"""",
    ]


def _command(device: str, *words: str) -> str:
    return build(Address(device=device, channel="cmd", path=words))


def _python() -> str:
    """This interpreter, from here, as short as it gets."""
    program = Path(sys.executable)
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)
