"""docker-compose.yml and the images' recipes. No engine is at hand: what the compose client and the files show."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.split.adapting import FILES
from deploy.split.first_start import OWNERS, find_ssh_plan
from deploy.split.layout import SERVICES

REPOSITORY = Path(__file__).parents[2]
IMAGES = (*SERVICES, "init", "standalone")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as the compose client understands it, with the example's settings."""
    done = subprocess.run(
        ["docker-compose", "--env-file", ".env.example", "-f", "docker-compose.yml", "config"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What stands where in a container: target → source, ":ro" added where it is."""
    found: dict[str, str] = {}
    for volume in service.get("volumes", []):
        if isinstance(volume, dict):
            mode = ":ro" if volume.get("read_only") else ""
            found[str(volume["target"])] = f"{volume['source']}{mode}"
        else:
            source, target, *mode = str(volume).split(":")
            found[target] = ":".join((source, *(m for m in mode if m == "ro")))
    return found


needs_client = pytest.mark.needs("docker-compose")


@needs_client
def test_every_service_of_the_design_is_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*SERVICES, "init", "roles", "postgres", "nats"}


@needs_client
@pytest.mark.parametrize("name", [*SERVICES, "postgres", "nats", "roles"])
def test_containers_have_no_more_rights_than_they_need(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@needs_client
def test_the_network_repeats_the_walls(compose: dict[str, Any]) -> None:
    """Only issuing and validation share a network with the signer, which has no other."""
    networks = {name: set(each.get("networks", {})) for name, each in compose["services"].items()}
    assert networks["signer"] == {"signing"}
    assert {name for name, on in networks.items() if "signing" in on} == {
        "signer",
        "issuing",
        "validation",
    }
    assert {name for name, on in networks.items() if "front" in on} == {
        "registration",
        "validation",
        "inventory",
        "alerting",
        "dashboard",
    }
    assert all(
        compose["networks"][name]["internal"]
        for name in ("signing", "issuing", "administrators", "data", "events")
    )
    published = {name for name, each in compose["services"].items() if each.get("ports")}
    assert published == {"registration", "validation", "inventory", "alerting", "dashboard"}
    assert {name for name, on in networks.items() if "administrators" in on} == {
        "inventory",
        "alerting",
    }


@needs_client
@pytest.mark.parametrize("name", [*SERVICES, "postgres", "nats"])
def test_a_container_has_its_own_secrets_only(compose: dict[str, Any], name: str) -> None:
    """The fourth wall: the PIN is a file only the signer has."""
    found = mounts(compose["services"][name])
    secrets = {target: source for target, source in found.items() if "/secrets" in target}
    assert list(secrets) == [f"/etc/newel/secrets/{name}"]
    assert secrets[f"/etc/newel/secrets/{name}"].endswith(f"/secrets/{name}:ro")
    assert name in OWNERS


@needs_client
def test_configurations_are_the_shared_ones_and_every_path_in_them_is_mounted(
    compose: dict[str, Any],
) -> None:
    for name in SERVICES:
        found = mounts(compose["services"][name])
        assert found["/etc/newel/config"].endswith("/deploy/config:ro")
        paths = re.findall(r'"(/(?:etc|var)/[^"]+)"', FILES[f"{name}.toml"].read_text())
        assert paths
        for path in paths:
            assert any(path.startswith(target) for target in found), path


@needs_client
def test_what_is_waited_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["signer"]["depends_on"]["init"]["condition"] == "service_completed_successfully"
    assert services["issuing"]["depends_on"]["signer"]["condition"] == "service_healthy"
    for name in ("issuing", "registration", "validation", "inventory", "alerting", "dashboard"):
        assert (
            services[name]["depends_on"]["roles"]["condition"] == "service_completed_successfully"
        )


@pytest.mark.parametrize("name", [*IMAGES, "kubernetes"])
def test_an_image_is_slim_pinned_and_not_root(name: str) -> None:
    text = (REPOSITORY / f"deploy/docker/{name}.Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(stages) == 2
    for stage in stages:
        assert re.fullmatch(r"[a-z]+:[0-9][a-z0-9.-]*", stage), "a tag, and no registry's host"
    assert re.search(r"^USER [1-9][0-9]*:[1-9][0-9]*$", text, re.MULTILINE)
    assert text.rindex("USER ") < text.index("ENTRYPOINT")
    assert "--constraint requirements.lock" in text
    assert "--compile-bytecode" in text, (
        "the root file system is read-only: nothing can compile later"
    )
    assert "HEALTHCHECK" in text
    for label in ("title", "description", "licenses", "version"):
        assert f"org.opencontainers.image.{label}=" in text
    for form in ("ENTRYPOINT", "CMD"):
        words = re.findall(rf"^{form} (\[.*\])$", text, re.MULTILINE)
        assert all(isinstance(json.loads(each), list) for each in words)
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (REPOSITORY / source).exists()
    for member in re.findall(r"\./([a-z/]+)", text):
        assert (REPOSITORY / member / "pyproject.toml").exists()


@pytest.mark.parametrize("name", [*SERVICES, "standalone", "init", "kubernetes"])
def test_an_image_installs_what_its_members_need(name: str) -> None:
    """Members are given one by one, because none of our packages is taken from a registry."""
    text = (REPOSITORY / f"deploy/docker/{name}.Dockerfile").read_text()
    given = {f"newel-{Path(member).name}" for member in re.findall(r"\./([a-z/]+)", text)}
    for member in re.findall(r"\./([a-z/]+)", text):
        project = (REPOSITORY / member / "pyproject.toml").read_text()
        needed = set(re.findall(r'^\s+"(newel-[a-z]+)"', project, re.MULTILINE))
        assert needed <= given, member


def test_a_builder_is_sent_what_the_images_copy_and_nothing_secret() -> None:
    kept = [
        line.removeprefix("!")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert "\n*\n" in (REPOSITORY / ".dockerignore").read_text(), "everything else is left out"
    copied = {
        source
        for name in IMAGES
        for source in re.findall(
            r"^COPY (?!--from)(\S+) ",
            (REPOSITORY / f"deploy/docker/{name}.Dockerfile").read_text(),
            re.MULTILINE,
        )
    }
    assert set(kept) == copied


def test_ssh_is_added_by_the_commands_of_its_page(tmp_path: Path) -> None:
    """The copy has what each service takes, init finds the plan of the keys, and templates are mounted."""
    page = (REPOSITORY / "docs/ssh.md").read_text()
    (block,) = re.findall(r"```sh\n(mkdir -p var && cp.*?)```", page, re.DOTALL)
    (tmp_path / "deploy").symlink_to(REPOSITORY / "deploy")
    subprocess.run(["sh", "-euc", block], cwd=tmp_path, check=True)
    copy = tmp_path / "var/config"
    signer, registration = (
        tomllib.loads((copy / f"{name}.toml").read_text()) for name in ("signer", "registration")
    )
    assert {each["name"] for each in signer["keys"] if "ssh" in each} == {"ssh-user", "ssh-host"}
    assert find_ssh_plan(copy / "ceremony.toml") == copy / "ceremony-ssh.toml"
    assert find_ssh_plan(REPOSITORY / "deploy/config/ceremony.toml") is None
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    for name in ("init", "registration"):
        targets = [
            str(volume).split(":")[-1 if name == "init" else -2]
            for volume in compose[name]["volumes"]
        ]
        assert "/etc/newel/templates" in targets
    for each in registration["ssh"]["user_templates"]:
        assert each["template"].startswith("/etc/newel/templates/")
