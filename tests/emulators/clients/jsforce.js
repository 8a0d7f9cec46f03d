// jsforce against the Salesforce emulator: sign-in, records, queries, pages, upserts, errors.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const jsforce = require("jsforce");

const env = process.env;
const url = env.SALESFORCE_URL;
const app = { clientId: env.SALESFORCE_CLIENT_ID, clientSecret: env.SALESFORCE_CLIENT_SECRET };
const version = "59.0";
const deal = (name, more = {}) => ({ Name: name, StageName: "Prospecting", CloseDate: "2026-12-31", ...more });
const code = (wanted) => (error) => error.errorCode === wanted || error.name === wanted || error.data?.errorCode === wanted;

async function signIn() {
  const over = {};
  over.soap = new jsforce.Connection({ loginUrl: url, version });
  await over.soap.login(env.SALESFORCE_USERNAME, env.SALESFORCE_PASSWORD + env.SALESFORCE_SECURITY_TOKEN);
  over.password = new jsforce.Connection({ oauth2: { loginUrl: url, ...app }, version });
  await over.password.login(env.SALESFORCE_USERNAME, env.SALESFORCE_PASSWORD);
  over.client = new jsforce.Connection({ instanceUrl: url, oauth2: { loginUrl: url, ...app }, version });
  await over.client.authorize({ grant_type: "client_credentials" });
  over.refresh = new jsforce.Connection({
    oauth2: { loginUrl: url, ...app }, instanceUrl: url, version,
    accessToken: "expired", refreshToken: env.SALESFORCE_REFRESH_TOKEN,
  });
  for (const [name, connection] of Object.entries(over)) {
    const found = await connection.query("SELECT Id FROM User LIMIT 1");
    assert.equal(found.totalSize, 1, name);
  }
  const wrong = new jsforce.Connection({ loginUrl: url, version });
  await assert.rejects(wrong.login(env.SALESFORCE_USERNAME, "wrong"), /INVALID_LOGIN/);
  await assert.rejects(new jsforce.Connection({ oauth2: { loginUrl: url, clientId: "x", clientSecret: "y" } })
    .authorize({ grant_type: "client_credentials" }), /client identifier invalid/);
  const who = await over.client.identity();
  assert.equal(who.username, env.SALESFORCE_USERNAME);
  return over.client;
}

async function records(connection) {
  const made = await connection.sobject("Opportunity").create(deal("J1", { Amount: 1000.5 }));
  assert.deepEqual([made.success, made.errors, made.id.length], [true, [], 18]);
  const row = await connection.sobject("Opportunity").retrieve(made.id);
  assert.deepEqual([row.Name, row.Amount, row.Probability, row.attributes.type], ["J1", 1000.5, 10, "Opportunity"]);
  await connection.sobject("Opportunity").update({ Id: made.id, StageName: "Closed Won" });
  const won = await connection.sobject("Opportunity").retrieve(made.id);
  assert.deepEqual([won.IsWon, won.IsClosed, won.Probability], [true, true, 100]);
  assert.deepEqual(await connection.sobject("Opportunity").destroy(made.id).then((it) => it.success), true);
  await assert.rejects(connection.sobject("Opportunity").retrieve(made.id), code("NOT_FOUND"));
  await assert.rejects(connection.sobject("Opportunity").destroy(made.id), code("ENTITY_IS_DELETED"));
}

async function upserts(connection) {
  const key = "Referral_Identifier__c";
  const first = await connection.sobject("Opportunity").upsert(deal("U", { [key]: "j-1" }), key);
  const again = await connection.sobject("Opportunity").upsert({ Amount: 3, [key]: "j-1" }, key);
  assert.deepEqual([first.created, again.created, first.id === again.id], [true, false, true]);
  const many = await connection.sobject("Opportunity").upsert(
    [{ Amount: 4, [key]: "j-1" }, deal("V", { [key]: "j-2" }), { Name: "no stage", [key]: "j-3" }], key);
  assert.deepEqual(many.map((it) => [it.success, it.created ?? null]), [[true, false], [true, true], [false, null]]);
  assert.equal(many[2].errors[0].statusCode ?? many[2].errors[0].errorCode, "REQUIRED_FIELD_MISSING");
}

async function queries(connection) {
  const account = await connection.sobject("Account").create({ Name: "O'Neil & Söhne", BillingCountry: "DE" });
  const rows = Array.from({ length: 450 }, (_, at) => deal(`Page ${at}`, { Amount: at, AccountId: account.id }));
  const made = await connection.sobject("Opportunity").create(rows, { allowRecursive: true });
  assert.equal(made.filter((it) => it.success).length, 450);

  const soql = `SELECT Id, Name, Account.Name FROM Opportunity WHERE AccountId = '${account.id}' ORDER BY Amount DESC`;
  let page = await connection.query(soql, { headers: { "Sforce-Query-Options": "batchSize=200" } });
  const names = page.records.map((it) => it.Name);
  let pages = 1;
  while (!page.done) {
    page = await connection.queryMore(page.nextRecordsUrl, { headers: { "Sforce-Query-Options": "batchSize=200" } });
    names.push(...page.records.map((it) => it.Name));
    pages += 1;
  }
  assert.deepEqual([names.length, pages, names[0], names[449]], [450, 3, "Page 449", "Page 0"]);
  assert.equal(page.records[0].Account.Name, "O'Neil & Söhne");

  const found = await connection.sobject("Opportunity")
    .find({ "Account.Name": "O'Neil & Söhne", Amount: { $gte: 447 } }, "Id, Name, CloseDate").sort({ Name: 1 }).limit(2).execute();
  assert.deepEqual(found.map((it) => it.Name), ["Page 447", "Page 448"]);
  assert.equal(await connection.sobject("Opportunity").count({ AccountId: account.id }), 450);
  const like = await connection.sobject("Opportunity").find({ Name: { $like: "Page 44%" } }, "Id").execute();
  assert.equal(like.length, 11);
  const searched = await connection.search("FIND {O'Neil} IN NAME FIELDS RETURNING Account(Id, Name)");
  assert.deepEqual(searched.searchRecords.map((it) => it.Id), [account.id]);
  const several = await connection.sobject("Opportunity").retrieve(found.map((it) => it.Id));
  assert.deepEqual(several.map((it) => it.Name), ["Page 447", "Page 448"]);
}

async function errors(connection) {
  await assert.rejects(connection.query("SELECT Id FRM Opportunity"), code("MALFORMED_QUERY"));
  await assert.rejects(connection.query("SELECT Nope FROM Opportunity"), code("INVALID_FIELD"));
  await assert.rejects(connection.query("SELECT Id FROM Nope"), code("INVALID_TYPE"));
  await assert.rejects(connection.sobject("Opportunity").create({ Name: "x" }), code("REQUIRED_FIELD_MISSING"));
  await assert.rejects(connection.sobject("Opportunity").create(deal("x", { StageName: "Nope" })),
    code("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"));
  await assert.rejects(connection.sobject("Opportunity").create(deal("x".repeat(121))), code("STRING_TOO_LONG"));
  const detail = { Name: "d", Solution_Identifier__c: "SOL-js" };
  await connection.sobject("Microsoft_Solution_Detail__c").create(detail);
  await assert.rejects(connection.sobject("Microsoft_Solution_Detail__c").create(detail), code("DUPLICATE_VALUE"));
  const stale = new jsforce.Connection({ instanceUrl: url, accessToken: "nobody", version });
  await assert.rejects(stale.query("SELECT Id FROM User"), code("INVALID_SESSION_ID"));
}

async function schema(connection) {
  const all = await connection.describeGlobal();
  assert.ok(all.sobjects.some((it) => it.name === "Opportunity"));
  const described = await connection.sobject("Opportunity").describe();
  const key = described.fields.find((it) => it.name === "Referral_Identifier__c");
  assert.deepEqual([key.externalId, key.custom, key.length], [true, true, 100]);
  assert.equal(connection.limitInfo.apiUsage.limit, 15000);
  const limits = await connection.limits();
  assert.ok(limits.DailyApiRequests.Remaining > 0);
  const both = await connection.requestPost("/composite", { allOrNone: true, compositeRequest: [
    { method: "POST", url: "/services/data/v59.0/sobjects/Account", referenceId: "a", body: { Name: "Composite" } },
    { method: "POST", url: "/services/data/v59.0/sobjects/Contact", referenceId: "c", body: { LastName: "C", AccountId: "@{a.id}" } },
  ] });
  assert.deepEqual(both.compositeResponse.map((it) => it.httpStatusCode), [201, 201]);
}

(async () => {
  assert.ok(fs.existsSync(env.SALESFORCE_KEY_FILE));
  const connection = await signIn();
  await records(connection);
  await upserts(connection);
  await queries(connection);
  await errors(connection);
  await schema(connection);
  await connection.logout();
  console.log("jsforce: ok");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
