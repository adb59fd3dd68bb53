from pathlib import Path

import pytest

from local.digests import State, load_state, save_state, source_digest
from local.services import Service
from local.settings import Settings


@pytest.fixture
def service(tmp_path: Path) -> Service:
    folder = tmp_path / "toys-service"
    (folder / "src" / "toys").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "template.yaml").write_text("Resources: {}")
    (folder / "samconfig.toml").write_text("version = 0.1")
    (folder / "src" / "toys" / "api.py").write_text("a = 1")
    return Service(folder)


def test_what_goes_into_the_stack_changes_the_digest(service: Service) -> None:
    api = service.folder / "src" / "toys" / "api.py"
    digests = [source_digest(service, {})]
    api.write_text("a = 2")
    digests.append(source_digest(service, {}))
    api.rename(api.with_name("door.py"))
    digests.append(source_digest(service, {}))
    service.template.write_text("Resources: {A: {}}")
    digests.append(source_digest(service, {}))
    service.configuration.write_text("version = 0.2")
    digests.append(source_digest(service, {}))
    digests.append(source_digest(service, {"LogLevel": "DEBUG"}))
    assert len(set(digests)) == len(digests)


def test_what_stays_out_of_the_stack_does_not(service: Service) -> None:
    before = source_digest(service, {"A": "1", "B": "2"})
    (service.folder / "README.md").write_text("read me")
    (service.folder / "tests" / "test_api.py").write_text("")
    (service.folder / "src" / "toys" / "__pycache__").mkdir()
    (service.folder / "src" / "toys" / "__pycache__" / "api.cpython-313.pyc").write_bytes(b"x")
    (service.folder / "src" / "toys" / "api.py").touch()
    assert source_digest(service, {"B": "2", "A": "1"}) == before


def test_content_that_moves_between_files_changes_the_digest(service: Service) -> None:
    toys = service.folder / "src" / "toys"
    (toys / "a.py").write_text("xy")
    (toys / "b.py").write_text("z")
    before = source_digest(service, {})
    (toys / "a.py").write_text("x")
    (toys / "b.py").write_text("yz")
    assert source_digest(service, {}) != before


def test_a_state_is_remembered(settings: Settings, service: Service) -> None:
    assert load_state(settings, service) == State()
    state = State(built="b", deployed="d", cloud="1@2")
    save_state(settings, service, state)
    assert load_state(settings, service) == state


@pytest.mark.parametrize("content", ["", "{", "[]", '{"other": 1}'])
def test_a_state_that_cannot_be_read_means_do_it_all(
    settings: Settings, service: Service, content: str
) -> None:
    save_state(settings, service, State(built="b"))
    (settings.states / "toys.json").write_text(content)
    assert load_state(settings, service) == State()
