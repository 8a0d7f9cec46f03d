// dynamics-web-api against the Dataverse emulator: records, conflicts, pages, batches, metadata.
const assert = require("node:assert/strict");
const { DynamicsWebApi } = require("dynamics-web-api");

const env = process.env;
const url = env.DATAVERSE_URL;
const status = (wanted, code) => (error) => error.status === wanted && (!code || error.code === code);

async function token() {
  const answer = await fetch(`${url}/${env.MICROSOFT_TENANT_ID}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials", client_id: env.MICROSOFT_CLIENT_ID,
      client_secret: env.MICROSOFT_CLIENT_SECRET, scope: `${url}/.default`,
    }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

async function records(api) {
  const account = await api.create({ collection: "accounts", data: { name: "Contoso JS" }, returnRepresentation: true });
  assert.equal(account.name, "Contoso JS");
  const data = { name: "D1", estimatedvalue: 5, "customerid_account@odata.bind": `/accounts(${account.accountid})` };
  const id = await api.create({ collection: "opportunities", data });
  assert.match(id, /^[0-9a-f-]{36}$/);
  const select = ["name", "estimatedvalue", "_customerid_value", "statuscode"];
  const row = await api.retrieve({ collection: "opportunities", key: id, select, includeAnnotations: "*" });
  assert.deepEqual([row.name, row.estimatedvalue, row._customerid_value], ["D1", 5, account.accountid]);
  assert.equal(row["_customerid_value@OData.Community.Display.V1.FormattedValue"], "Contoso JS");
  assert.equal(row["statuscode@OData.Community.Display.V1.FormattedValue"], "In Progress");

  await api.update({ collection: "opportunities", key: id, data: { name: "D1b" } });
  const stale = await api.update({ collection: "opportunities", key: id, data: { name: "x" }, ifmatch: 'W/"1"' });
  assert.equal(stale, false);
  await assert.rejects(api.update({ collection: "opportunities", key: account.accountid, data: { name: "x" } }), status(404));
  await api.updateSingleProperty({ collection: "opportunities", key: id, fieldValuePair: { estimatedvalue: 7 } });
  assert.equal((await api.retrieve({ collection: "opportunities", key: id, select })).estimatedvalue, 7);
  await api.callAction({ actionName: "WinOpportunity", action: {
    Status: -1, OpportunityClose: { subject: "won", "opportunityid@odata.bind": `/opportunities(${id})` },
  } });
  assert.equal((await api.retrieve({ collection: "opportunities", key: id, select: ["statecode"] })).statecode, 1);
  await assert.rejects(api.update({ collection: "opportunities", key: id, data: { name: "late" } }), status(400));
  await api.deleteRecord({ collection: "opportunities", key: id });
  await assert.rejects(api.retrieve({ collection: "opportunities", key: id }), status(404));
  return account.accountid;
}

async function upserts(api) {
  const key = "flowright_referralidentifier='js-1'";
  const made = await api.upsert({ collection: "opportunities", key, data: { name: "Up" }, returnRepresentation: true });
  const again = await api.upsert({ collection: "opportunities", key, data: { name: "Up2" }, returnRepresentation: true });
  assert.deepEqual([made.opportunityid === again.opportunityid, again.name], [true, "Up2"]);
  const refused = await api.upsert({ collection: "opportunities", key: made.opportunityid, data: { name: "Z" }, ifnonematch: "*" });
  assert.equal(refused, null);
}

async function lists(api, account) {
  const bound = { "parentaccountid@odata.bind": `/accounts(${account})` };
  for (let at = 0; at < 12; at += 1) {
    await api.create({ collection: "opportunities", data: { name: `P${at}`, estimatedvalue: at, ...bound } });
  }
  const mine = { collection: "opportunities", select: ["name"], filter: `_parentaccountid_value eq ${account}` };
  const first = await api.retrieveMultiple({ ...mine, maxPageSize: 5, count: true });
  assert.deepEqual([first.value.length, first.oDataCount, !!first.oDataNextLink], [5, 12, true]);
  const second = await api.retrieveMultiple({ ...mine, maxPageSize: 5 }, first.oDataNextLink);
  assert.equal(second.value.length, 5);
  assert.equal((await api.retrieveAll({ ...mine, maxPageSize: 5 })).value.length, 12);
  assert.equal(await api.count({ collection: "opportunities", filter: mine.filter }), 12);
  const named = await api.retrieveMultiple({ ...mine, filter: `parentaccountid/name eq 'contoso js' and estimatedvalue gt 9`, orderBy: ["estimatedvalue desc"] });
  assert.deepEqual(named.value.map((it) => it.name), ["P11", "P10"]);
  const any = await api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "opportunity_parent_account/any(o:o/estimatedvalue eq 3)" });
  assert.deepEqual(any.value.map((it) => it.accountid), [account]);
  const wide = await api.retrieve({ collection: "accounts", key: account, select: ["name"], expand: [{ property: "opportunity_parent_account", select: ["name"], filter: "estimatedvalue lt 2" }] });
  assert.deepEqual(wide.opportunity_parent_account.map((it) => it.name).sort(), ["P0", "P1"]);
  await assert.rejects(api.retrieveMultiple({ collection: "opportunities", filter: "nope eq 1" }), status(400, "0x80060888"));
}

async function changes(api) {
  const first = await api.retrieveMultiple({ collection: "contacts", select: ["lastname"], trackChanges: true });
  assert.ok(first.oDataDeltaLink);
  const one = await api.create({ collection: "contacts", data: { lastname: "Delta" } });
  const two = await api.create({ collection: "contacts", data: { lastname: "Gone" } });
  await api.deleteRecord({ collection: "contacts", key: two });
  const delta = await api.retrieveMultiple({ collection: "contacts", select: ["lastname"] }, first.oDataDeltaLink);
  assert.deepEqual(delta.value.map((it) => it.contactid ?? [it.id, it.reason]), [one, [two, "deleted"]]);
}

async function relations(api, account) {
  const contact = await api.create({ collection: "contacts", data: { lastname: "Linked" } });
  const link = { collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedCollection: "contacts", relatedKey: contact };
  await api.associate(link);
  const read = () => api.retrieve({ collection: "contacts", key: contact, select: ["_parentcustomerid_value"] });
  assert.equal((await read())._parentcustomerid_value, account);
  await api.disassociate({ ...link });
  assert.equal((await read())._parentcustomerid_value, null);
  const single = { collection: "contacts", primaryKey: contact, navigationProperty: "parentcustomerid_account" };
  await api.associateSingleValued({ ...single, relatedCollection: "accounts", relatedKey: account });
  assert.equal((await read())._parentcustomerid_value, account);
  await api.disassociateSingleValued(single);
  assert.equal((await read())._parentcustomerid_value, null);
}

async function batches(api) {
  api.startBatch();
  api.create({ collection: "accounts", data: { name: "Batch" }, contentId: "1" });
  api.create({ collection: "contacts", data: { lastname: "InBatch", "parentcustomerid_account@odata.bind": "$1" } });
  const made = await api.executeBatch();
  const contact = await api.retrieve({ collection: "contacts", key: made[1], select: ["_parentcustomerid_value"] });
  assert.equal(contact._parentcustomerid_value, made[0]);

  const before = await api.count({ collection: "accounts" });
  api.startBatch();
  api.create({ collection: "accounts", data: { name: "Undone" } });
  api.create({ collection: "accounts", data: { nope: 1 } });
  await assert.rejects(api.executeBatch());
  assert.equal(await api.count({ collection: "accounts" }), before);

  api.startBatch();
  api.retrieveMultiple({ collection: "accounts", select: ["name"], filter: "name eq 'Batch'" });
  api.retrieveMultiple({ collection: "contacts", select: ["lastname"], filter: "lastname eq 'InBatch'" });
  const read = await api.executeBatch();
  assert.deepEqual(read.map((it) => it.value.length), [1, 1]);
}

async function metadata(api) {
  const all = await api.retrieveEntities({ select: ["LogicalName", "EntitySetName"], filter: "LogicalName eq 'opportunity'" });
  assert.deepEqual(all.value.map((it) => it.EntitySetName), ["opportunities"]);
  const attributes = await api.retrieveAttributes({ entityKey: "LogicalName='opportunity'", castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", expand: [{ property: "OptionSet" }] });
  const rating = attributes.value.find((it) => it.LogicalName === "opportunityratingcode");
  assert.deepEqual(rating.OptionSet.Options.map((it) => it.Value), [1, 2, 3]);
  const who = await api.callFunction({ functionName: "WhoAmI" });
  assert.match(who.UserId, /^[0-9a-f-]{36}$/);
}

(async () => {
  const access = await token();
  const api = new DynamicsWebApi({ serverUrl: url, dataApi: { version: "9.2" }, onTokenRefresh: async () => access });
  const account = await records(api);
  await upserts(api);
  await lists(api, account);
  await changes(api);
  await relations(api, account);
  await batches(api);
  await metadata(api);
  const nobody = new DynamicsWebApi({ serverUrl: url, dataApi: { version: "9.2" }, onTokenRefresh: async () => "nobody" });
  await assert.rejects(nobody.callFunction({ functionName: "WhoAmI" }), status(401));
  console.log("dynamics-web-api: ok");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
