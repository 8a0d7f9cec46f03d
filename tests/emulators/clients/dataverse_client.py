"""PowerPlatform-Dataverse-Client against the Dataverse emulator over TLS."""

import os
import time

import requests
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.upsert import UpsertItem

ENV = os.environ
URL = ENV["DATAVERSE_URL"]


class Credential:
    """Gets tokens from the emulator's own endpoint."""

    def get_token(self, *scopes, **_):
        form = {
            "grant_type": "client_credentials",
            "client_id": ENV["MICROSOFT_CLIENT_ID"],
            "client_secret": ENV["MICROSOFT_CLIENT_SECRET"],
            "scope": scopes[0],
        }
        answer = requests.post(f"{URL}/{ENV['MICROSOFT_TENANT_ID']}/oauth2/v2.0/token", form, timeout=30)
        answer.raise_for_status()
        body = answer.json()
        return AccessToken(body["access_token"], int(time.time()) + body["expires_in"])


def refused(call, status, part=""):
    try:
        call()
    except HttpError as error:
        assert error.status_code == status, error
        assert part in str(error), error
        return
    raise AssertionError(f"{status} was expected")


def records(client):
    one = client.records.create("opportunity", {"name": "Deal A", "estimatedvalue": 10.5})
    row = client.records.retrieve("opportunity", one, select=["name", "estimatedvalue"])
    assert (row["name"], row["estimatedvalue"]) == ("Deal A", 10.5), row
    client.records.update("opportunity", one, {"name": "Deal A2", "opportunityratingcode": "Hot"})
    row = client.records.retrieve("opportunity", one, select=["name", "opportunityratingcode"])
    assert (row["name"], row["opportunityratingcode"]) == ("Deal A2", 1), row
    many = client.records.create("opportunity", [{"name": f"B{n}"} for n in range(7)])
    assert len(many) == 7
    client.records.update("opportunity", many, {"description": "seen"})
    pages = client.records.list_pages(
        "opportunity", filter="description eq 'seen'", select=["name"], orderby=["name"], page_size=3
    )
    names = [[it["name"] for it in page] for page in pages]
    assert names == [["B0", "B1", "B2"], ["B3", "B4", "B5"], ["B6"]], names
    client.records.delete("opportunity", many[0])
    refused(lambda: client.records.update("opportunity", many[0], {"name": "x"}), 404)
    client.records.delete("opportunity", many[1:], use_bulk_delete=False)
    assert client.records.retrieve("opportunity", many[1]) is None
    refused(lambda: client.records.create("opportunity", {"name": "x", "nope": 1}), 400, "nope")
    refused(lambda: client.records.create("opportunity", {"name": "x" * 301}), 400)


def upserts(client):
    item = UpsertItem(alternate_key={"flowright_referralidentifier": "py-1"}, record={"name": "Up"})
    client.records.upsert("opportunity", [item])
    again = UpsertItem(alternate_key={"flowright_referralidentifier": "py-1"}, record={"name": "Up 2"})
    other = UpsertItem(alternate_key={"flowright_referralidentifier": "py-2"}, record={"name": "New"})
    client.records.upsert("opportunity", [again, other])
    found = client.records.list(
        "opportunity", filter="startswith(flowright_referralidentifier,'py-')", select=["name"], orderby=["name"]
    )
    assert [it["name"] for it in found] == ["New", "Up 2"], found


def batches(client):
    batch = client.batch.new()
    batch.records.create("account", {"name": "Batch Py"})
    with batch.changeset() as together:
        account = together.records.create("account", {"name": "Set Py"})
        together.records.create("contact", {"lastname": "Py", "parentcustomerid_account@odata.bind": account})
    result = batch.execute()
    assert not result.failed and len(result.succeeded) == 3, result
    names = [it["name"] for it in client.records.list("account", filter="endswith(name,' Py')", select=["name"], orderby=["name"])]
    assert names == ["Batch Py", "Set Py"], names
    batch = client.batch.new()
    with batch.changeset() as together:
        together.records.create("account", {"name": "Undone Py"})
        together.records.create("account", {"nope": 1})
    result = batch.execute(continue_on_error=True)
    assert result.failed, result
    assert not list(client.records.list("account", filter="name eq 'Undone Py'", select=["name"]))


def metadata(client):
    table = client.tables.get("opportunity")
    assert table and table["entity_set_name"] == "opportunities", table
    columns = [it["LogicalName"] if isinstance(it, dict) else it.logical_name for it in client.tables.list_columns("opportunity")]
    assert "estimatedvalue" in columns, columns
    keys = client.tables.get_alternate_keys("opportunity")
    assert len(keys) == 1, keys


def main():
    with DataverseClient(URL, Credential()) as client:
        records(client)
        upserts(client)
        batches(client)
        metadata(client)
    print("PowerPlatform-Dataverse-Client: ok")


main()
