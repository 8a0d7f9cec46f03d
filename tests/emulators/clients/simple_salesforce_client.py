"""simple-salesforce against the Salesforce emulator over TLS: sign-in, records, queries, errors."""

import os
from urllib.parse import urlparse

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

ENV = os.environ
URL = ENV["SALESFORCE_URL"]
HOST = urlparse(URL).netloc
DEAL = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}


class ToEmulator(HTTPAdapter):
    """Sends what is meant for a login host of Salesforce to the emulator."""

    def send(self, request, **options):
        found = urlparse(request.url)
        if found.hostname.endswith(".salesforce.com"):
            request.url = found._replace(netloc=HOST).geturl()
        return super().send(request, **options)


def session():
    made = requests.Session()
    made.mount("https://", ToEmulator())
    return made


def refused(kind, call, *parts):
    try:
        call()
    except kind as error:
        text = str(error)
        missing = [it for it in parts if it not in text]
        assert not missing, (missing, text)
        return
    raise AssertionError(f"{parts} was not refused")


def sign_in():
    user, key = ENV["SALESFORCE_USERNAME"], ENV["SALESFORCE_CLIENT_ID"]
    secret, password = ENV["SALESFORCE_CLIENT_SECRET"], ENV["SALESFORCE_PASSWORD"]
    ways = {
        "soap": dict(username=user, password=password, security_token=ENV["SALESFORCE_SECURITY_TOKEN"]),
        "jwt": dict(username=user, consumer_key=key, privatekey_file=ENV["SALESFORCE_KEY_FILE"]),
        "client": dict(consumer_key=key, consumer_secret=secret, domain="fabrikam.my"),
        "password": dict(username=user, password=password, consumer_key=key, consumer_secret=secret),
    }
    for name, way in ways.items():
        made = Salesforce(session=session(), version="59.0", **way)
        assert made.query("SELECT Id FROM User LIMIT 1")["totalSize"] == 1, name
    refused(
        SalesforceAuthenticationFailed,
        lambda: SalesforceLogin(username=user, password="no", security_token="x", session=session()),
        "INVALID_LOGIN",
    )
    return made


def records(org):
    made = org.Opportunity.create({"Name": "Deal 1", "Amount": 1000, **DEAL})
    assert made["success"] and made["errors"] == [], made
    row = org.Opportunity.get(made["id"])
    assert (row["Name"], row["Amount"], row["IsClosed"]) == ("Deal 1", 1000, False), row
    assert org.Opportunity.update(made["id"], {"Amount": 5}) == 204
    assert org.Opportunity.get(made["id"])["Amount"] == 5
    key = "Referral_Identifier__c/abc-1"
    assert org.Opportunity.upsert(key, {"Name": "X", **DEAL}) == 201
    assert org.Opportunity.upsert(key, {"Amount": 7}) == 200
    assert org.Opportunity.get_by_custom_id("Referral_Identifier__c", "abc-1")["Amount"] == 7
    assert org.Opportunity.delete(made["id"]) == 204
    refused(SalesforceResourceNotFound, lambda: org.Opportunity.get(made["id"]), "NOT_FOUND")
    refused(SalesforceResourceNotFound, lambda: org.Opportunity.update(made["id"], {}), "ENTITY_IS_DELETED")
    for _ in range(2):
        org.Opportunity.create({"Name": "Twin", "Referral_Identifier__c": "twin", **DEAL})
    refused(SalesforceMoreThanOneRecord, lambda: org.Opportunity.upsert("Referral_Identifier__c/twin", {"Amount": 1}))


def queries(org):
    for at in range(0, 420, 200):
        rows = [
            {"attributes": {"type": "Opportunity"}, "Name": f"Py {n:03}", "Amount": n, **DEAL}
            for n in range(at, min(at + 200, 420))
        ]
        body = {"allOrNone": True, "records": rows}
        done = org.restful("composite/sobjects", method="POST", json=body)
        assert all(it["success"] for it in done), done
    small = {"Sforce-Query-Options": "batchSize=200"}
    soql = "SELECT Id, Name FROM Opportunity WHERE Name LIKE 'Py %' ORDER BY Name"
    first = org.query(soql, headers=small)
    assert (first["totalSize"], first["done"], len(first["records"])) == (420, False, 200), first["totalSize"]
    names = [it["Name"] for it in org.query_all(soql, headers=small)["records"]]
    assert names == [f"Py {n:03}" for n in range(420)], len(names)
    dated = "SELECT COUNT() FROM Opportunity WHERE CloseDate > 2026-12-30 AND CreatedDate = TODAY"
    assert org.query(dated)["totalSize"] >= 420
    gone = org.query_all("SELECT Id FROM Opportunity WHERE IsDeleted = true", include_deleted=True)
    assert gone["totalSize"] >= 1


def bulk(org):
    rows = [{"Name": f"Bulk {n}", "Amount": n, **DEAL} for n in range(30)] + [{"Name": "no stage", "Amount": 1, "StageName": "", "CloseDate": "2026-12-31"}]
    done = org.bulk2.Opportunity.insert(records=rows)
    assert [(it["numberRecordsTotal"], it["numberRecordsFailed"]) for it in done] == [(31, 1)], done
    failed = org.bulk2.Opportunity.get_failed_records(done[0]["job_id"])
    assert "REQUIRED_FIELD_MISSING" in failed and "no stage" in failed, failed
    assert org.query("SELECT COUNT() FROM Opportunity WHERE Name LIKE 'Bulk %'")["totalSize"] == 30


def errors(org):
    bad = SalesforceMalformedRequest
    refused(bad, lambda: org.query("SELECT Id FROM Opportunity WHERE"), "MALFORMED_QUERY")
    refused(bad, lambda: org.query("SELECT Nope FROM Opportunity"), "INVALID_FIELD", "No such column 'Nope'")
    refused(bad, lambda: org.Opportunity.create({"Name": "x"}), "REQUIRED_FIELD_MISSING", "StageName")
    refused(bad, lambda: org.Opportunity.create({"Name": "x", "Nope__c": 1, **DEAL}), "INVALID_FIELD")
    stale = Salesforce(instance=HOST, session_id="nobody", session=session())
    refused(SalesforceExpiredSession, lambda: stale.query("SELECT Id FROM User"), "INVALID_SESSION_ID")


def schema(org):
    described = org.Opportunity.describe()
    names = [it["name"] for it in described["fields"]]
    assert "Sync_with_Partner_Center__c" in names, names
    assert any(it["name"] == "Account" for it in org.describe()["sobjects"])
    assert org.limits()["DailyApiRequests"]["Max"] == 15000
    assert org.api_usage["api-usage"].total == 15000, org.api_usage


def main():
    org = sign_in()
    records(org)
    queries(org)
    bulk(org)
    errors(org)
    schema(org)
    print("simple-salesforce: ok")


main()
