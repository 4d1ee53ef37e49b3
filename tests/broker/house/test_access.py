"""Who gets into the house broker, and who may say and hear what."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.broker.house.client import MosquittoClient
from tests.broker.house.conftest import House, make_credentials

OWN = ("cinepi/garden/status", "cinepi/garden/event/capture_stored", "cinepi/garden/config/schema")
FOREIGN = (
    "cinepi/roof/status",
    "cinepi/roof/cmd/snapshot/take",
    "cinepi/_all/cmd/snapshot/take",
    "cinepi/_group/north/cmd/session/stop",
    "homeassistant/device/roof/config",
    "homeassistant/status",
    "$SYS/broker/log",
    "anything",
)
NOT_AUTHORISED = "Not authorized"
PAHO_LEAVES_ITS_SOCKET = pytest.mark.filterwarnings(  # to the garbage collector, if TLS fails
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.mark.parametrize("topic", [*OWN, "homeassistant/device/garden/config"])
def test_device_writes_its_own_tree(house: House, topic: str) -> None:
    """A device may say what is its own."""
    with house.connected("garden") as garden:
        assert garden.publish(topic) != NOT_AUTHORISED


@pytest.mark.parametrize("topic", FOREIGN)
def test_device_writes_nothing_else(house: House, topic: str) -> None:
    """A device may not speak as another, command anybody, or play Home Assistant."""
    with house.connected("garden") as garden:
        assert garden.publish(topic) == NOT_AUTHORISED


def test_device_hears_its_commands_and_no_others(house: House) -> None:
    """Even with every subscription there is, a device hears only what is meant for it."""
    with house.connected("garden") as garden, house.connected("operator") as operator:
        garden.subscribe("#")
        for topic in (
            "cinepi/roof/cmd/snapshot/take",
            "cinepi/roof/status",
            "cinepi/garden/cmd/snapshot/take",
            "cinepi/_all/cmd/snapshot/take",
            "cinepi/_group/north/cmd/snapshot/take",
        ):
            operator.publish(topic)
        heard = [garden.next()[0] for _ in range(3)]
        assert heard == [
            "cinepi/garden/cmd/snapshot/take",
            "cinepi/_all/cmd/snapshot/take",
            "cinepi/_group/north/cmd/snapshot/take",
        ]
        assert garden.messages.empty()


def test_home_assistant_commands_but_does_not_pretend(house: House) -> None:
    """Home Assistant may command devices and say that it is there; not write their states."""
    with house.connected("homeassistant") as assistant:
        assert assistant.publish("cinepi/garden/cmd/snapshot/take") != NOT_AUTHORISED
        assert assistant.publish("homeassistant/status", "online") != NOT_AUTHORISED
        assert assistant.publish("cinepi/garden/status") == NOT_AUTHORISED
        assert assistant.publish("homeassistant/device/garden/config") == NOT_AUTHORISED


def test_monitor_hears_all_and_says_nothing(house: House) -> None:
    """A dashboard sees every device and cannot touch one."""
    with house.connected("monitor") as monitor, house.connected("roof") as roof:
        monitor.subscribe("cinepi/#")
        roof.publish("cinepi/roof/event/frames_missed", "2")
        assert monitor.next() == ("cinepi/roof/event/frames_missed", b"2")
        assert monitor.publish("cinepi/roof/cmd/session/stop") == NOT_AUTHORISED


@pytest.mark.parametrize(
    ("name", "password"), [(None, None), ("garden", "wrong"), ("garden", ""), ("nobody", "x")]
)
def test_nobody_unnamed_gets_in(house: House, name: str | None, password: str | None) -> None:
    """Without a name, with a wrong or no password, or with an unknown name there is no way in."""
    with house.client(name, password) as client:
        assert client.connect() == NOT_AUTHORISED


def test_plain_text_is_refused(house: House) -> None:
    """A client that does not speak TLS is not answered."""
    with MosquittoClient(house.port) as client:
        client.log_in("garden", house.password("garden"))
        assert client.connect().startswith("refused")


def test_certificate_instead_of_password(house: House) -> None:
    """On the port for certificates a device is who its certificate says, with the same rights."""
    device = house.credentials / "devices/garden"
    shown = (device / "device.crt", device / "device.key")
    with MosquittoClient(house.certificate_port, ca=house.ca, certificate=shown) as client:
        assert client.connect() == "Success"
        assert client.publish("cinepi/garden/status") != NOT_AUTHORISED
        assert client.publish("cinepi/roof/status") == NOT_AUTHORISED


def test_no_certificate_no_way_in(house: House) -> None:
    """On the port for certificates a password is no use."""
    with MosquittoClient(house.certificate_port, ca=house.ca) as client:
        client.log_in("garden", house.password("garden"))
        assert client.connect().startswith("refused")


@pytest.mark.parametrize("fault", ["expired", "of another authority", "the server's"])
def test_bad_certificates_are_refused(house: House, tmp_path: Path, fault: str) -> None:
    """An expired or foreign certificate, or one made for a server, lets nobody in."""
    shown = _certificate(house, tmp_path, fault)
    with MosquittoClient(house.certificate_port, ca=house.ca, certificate=shown) as client:
        assert client.connect().startswith("refused")


@PAHO_LEAVES_ITS_SOCKET
def test_device_notices_a_wrong_broker(house: House, tmp_path: Path) -> None:
    """A device that trusts another authority sends nothing, not even its name."""
    make_credentials(tmp_path / "other", "--server", "localhost")
    with MosquittoClient(house.port, ca=tmp_path / "other/authority/ca.crt") as client:
        client.log_in("garden", house.password("garden"))
        assert "CERTIFICATE_VERIFY_FAILED" in client.connect()


@PAHO_LEAVES_ITS_SOCKET
def test_device_notices_an_expired_broker(tmp_path: Path) -> None:
    """A broker whose certificate has run out is not trusted."""
    house = House(tmp_path)
    sign_expired(house.credentials, house.credentials / "broker/server", "localhost")
    with house.run(), house.client("garden") as client:
        assert "certificate has expired" in client.connect()


@pytest.mark.parametrize("name", ["a/b", "+", "#", "Garden", "", "operator", "x" * 33])
def test_names_that_would_widen_rights_are_refused(tmp_path: Path, name: str) -> None:
    """No device can be named so that a pattern or a role opens more than its own tree."""
    with pytest.raises(AssertionError, match="make-credentials"):
        make_credentials(tmp_path / "made", "--server", "localhost", name)


def test_devices_are_added_later_and_what_is_there_stays(tmp_path: Path) -> None:
    """A second run keeps authority and devices, and adds the new one."""
    folder = tmp_path / "made"
    said = make_credentials(folder, "--server", "localhost", "garden")
    before = {file: file.read_bytes() for file in folder.glob("authority/ca.*")}
    password = (folder / "devices/garden/mqtt.password").read_text()
    assert "/etc/cinepid/" in said
    assert "/etc/mosquitto/cinepi/" in said
    make_credentials(folder, "roof")
    assert before == {file: file.read_bytes() for file in folder.glob("authority/ca.*")}
    assert (folder / "devices/garden/mqtt.password").read_text() == password
    known = (folder / "broker/passwords").read_text()
    assert [line.split(":")[0] for line in known.splitlines()] == ["garden", "roof"]


def test_removed_device_stays_out(tmp_path: Path) -> None:
    """After --remove neither password nor certificate lets a device in."""
    house = House(tmp_path)
    kept = tmp_path / "kept"
    shutil.copytree(house.credentials / "devices/garden", kept)
    password = house.password("garden")
    make_credentials(house.credentials, "--remove", "garden")
    with house.run():
        with house.client("garden", password) as client:
            assert client.connect() == NOT_AUTHORISED
        shown = (kept / "device.crt", kept / "device.key")
        with MosquittoClient(house.certificate_port, ca=house.ca, certificate=shown) as client:
            assert client.connect().startswith("refused")


def _certificate(house: House, folder: Path, fault: str) -> tuple[Path, Path]:
    """A certificate for `garden` that must not be accepted."""
    target = folder / "bad"
    match fault:
        case "expired":
            sign_expired(house.credentials, target, "garden")
        case "of another authority":
            make_credentials(folder / "other", "--server", "localhost", "garden")
            target = folder / "other/devices/garden/device"
        case _:
            target = house.credentials / "broker/server"
    return target.with_suffix(".crt"), target.with_suffix(".key")


def sign_expired(credentials: Path, target: Path, name: str) -> None:
    """Sign a certificate that was valid for a day, long ago."""
    authority = credentials / "authority"
    openssl = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
    openssl += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", f"{target}.key"]
    subprocess.run([*openssl, "-out", f"{target}.csr"], check=True, capture_output=True)
    settings = target.with_suffix(".cnf")
    settings.write_text(
        f"[ca]\ndefault_ca=here\n[here]\ndatabase={authority}/index.txt\nrand_serial=yes\n"
        f"new_certs_dir={authority}\ncertificate={authority}/ca.crt\n"
        f"private_key={authority}/ca.key\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\n"
        "unique_subject=no\n[any]\ncommonName=supplied\n"
    )
    signed = [
        "openssl",
        "ca",
        "-batch",
        "-notext",
        "-config",
        str(settings),
        "-in",
        f"{target}.csr",
    ]
    signed += ["-startdate", "20240101000000Z", "-enddate", "20240102000000Z"]
    subprocess.run([*signed, "-out", f"{target}.crt"], check=True, capture_output=True)
