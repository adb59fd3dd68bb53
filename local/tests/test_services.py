from pathlib import Path

import pytest

from local.errors import LocalError
from local.services import (
    FOLDERS,
    Service,
    architecture,
    configured_parameters,
    environments,
    local_parameters,
    placed,
    select,
    template_parameters,
)
from local.settings import Settings

TEMPLATE = """
Parameters:
  Architecture: {Type: String}
  StripeApiBase: {Type: String}
  StripeReturnUrl: {Type: String}
  PublicUrl: {Type: String}
  CognitoUrl: {Type: String}
  Name: {Type: String, Default: !Sub "${AWS::StackName}"}
Conditions:
  Never: !Equals [!Ref Name, ""]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def test_all_eight_are_taken_when_none_is_named(root: Path) -> None:
    services = select([""], root)
    assert [service.folder.name for service in services] == list(FOLDERS)
    assert services[0].stack() == "tbs-app-toys-local"
    assert services[-1].stack("dev") == "tbs-app-public-api-dev"


def test_names_with_and_without_their_ending(root: Path) -> None:
    names = ["orders-service", " toys", "public-api", "toys-service"]
    services = select(names, root)
    assert [service.name for service in services] == ["orders", "toys", "public-api"]


def test_an_unknown_service_is_named(root: Path) -> None:
    with pytest.raises(LocalError, match="There is no service invoices: there are toys, "):
        select(["toys", "invoices"], root)


def test_a_folder_without_a_template_is_named(root: Path) -> None:
    (root / "orders-service" / "template.yaml").unlink()
    with pytest.raises(LocalError, match=r"No template\.yaml in orders-service\..*--only"):
        select([], root)
    assert len(select(["toys"], root)) == 1


@pytest.mark.parametrize(
    "written", ['"LogLevel=DEBUG Note=\\"two words\\""', '["LogLevel=DEBUG", "Note=two words"]']
)
def test_parameters_of_samconfig_in_both_spellings(root: Path, written: str) -> None:
    service = Service(root / "toys-service")
    service.configuration.write_text(f"[local.deploy.parameters]\nparameter_overrides = {written}")
    expected = {"LogLevel": "DEBUG", "Note": "two words"}
    assert configured_parameters(service, "local") == expected
    assert configured_parameters(service, "prod") == {}


def test_parameters_of_samconfig_that_are_none(root: Path) -> None:
    service = Service(root / "toys-service")
    service.configuration.write_text(
        '[local.deploy.parameters]\nparameter_overrides = ["LogLevel"]'
    )
    with pytest.raises(LocalError, match="'LogLevel', not A=b"):
        configured_parameters(service, "local")


def test_the_environments_of_samconfig(root: Path) -> None:
    service = Service(root / "toys-service")
    service.configuration.write_text("version = 0.1\n[dev.deploy.parameters]\n[prod.build]\n")
    assert environments(service) == ["dev"]


def test_this_machines_addresses_win_over_samconfig(root: Path, settings: Settings) -> None:
    service = Service(root / "payments-service")
    service.configuration.write_text(
        "[local.deploy.parameters]\n"
        'parameter_overrides = "StripeApiBase=https://api.stripe.com Name=x Architecture=arm64"'
    )
    assert local_parameters(service, settings) == {
        "StripeApiBase": settings.stripe_url,
        "StripeReturnUrl": f"{settings.url}/paid",
        "Name": "x",
        "Architecture": architecture(),
    }


def test_public_files_are_shown_by_the_gateway(root: Path, settings: Settings) -> None:
    parameters = local_parameters(Service(root / "file-manager-service"), settings)
    assert parameters == {"PublicUrl": settings.url, "Architecture": architecture()}


def test_a_browser_reaches_cognito_through_the_gateway(root: Path, settings: Settings) -> None:
    parameters = local_parameters(Service(root / "public-api"), settings)
    assert parameters["CognitoUrl"] == f"{settings.url}/cognito/"


def test_payments_that_would_call_the_real_stripe_are_refused(
    root: Path, settings: Settings
) -> None:
    service = Service(root / "payments-service")
    service.template.write_text("Parameters: {Name: {Type: String}}")
    with pytest.raises(LocalError, match="has no parameter StripeApiBase, StripeReturnUrl"):
        local_parameters(service, settings)


def test_parameters_that_a_template_declares(root: Path) -> None:
    service = Service(root / "toys-service")
    assert template_parameters(service) == {
        "Architecture",
        "StripeApiBase",
        "StripeReturnUrl",
        "PublicUrl",
        "CognitoUrl",
        "Name",
    }
    service.template.write_text("Resources: {}")
    assert template_parameters(service) == set()


def test_where_a_stack_is(root: Path) -> None:
    service = Service(root / "toys-service")
    service.configuration.write_text(
        '[dev.deploy.parameters]\nstack_name = "a"\n'
        '[prod.global.parameters]\nregion = "eu-west-3"\n[prod.deploy.parameters]\n'
    )
    assert placed(service, "dev") == ("a", None)
    assert placed(service, "prod") == ("tbs-app-toys-prod", "eu-west-3")
    with pytest.raises(LocalError, match="tells of dev, prod, not of 'local'"):
        placed(service, "local")
