//! The objects and fields this org has, one record a field; the custom ones are those of co-selling.

use super::schema::Kind::{
    Area, Currency, Date, DateTime, Double, Email, Flag, Id, Percent, Phone, Picklist, Reference,
    Text, Url, Whole,
};
use super::schema::{Field, Object, field};

/// A stage of an opportunity: its name, whether it closes, whether it wins, its odds, its forecast.
pub(super) type Stage = (&'static str, bool, bool, f64, &'static str);

/// The stages in their order.
pub(super) const STAGES: &[Stage] = &[
    ("Prospecting", false, false, 10.0, "Pipeline"),
    ("Qualification", false, false, 10.0, "Pipeline"),
    ("Needs Analysis", false, false, 20.0, "Pipeline"),
    ("Value Proposition", false, false, 50.0, "Pipeline"),
    ("Id. Decision Makers", false, false, 60.0, "Pipeline"),
    ("Perception Analysis", false, false, 70.0, "Pipeline"),
    ("Proposal/Price Quote", false, false, 75.0, "Pipeline"),
    ("Negotiation/Review", false, false, 90.0, "Pipeline"),
    ("Closed Won", true, true, 100.0, "Closed"),
    ("Closed Lost", true, false, 0.0, "Omitted"),
];

const STAGE_NAMES: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];
pub(super) const CURRENCIES: &[&str] = &["USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "INR"];
const FORECASTS: &[&str] = &["Omitted", "Pipeline", "Best Case", "Forecast", "Closed"];
const TYPES: &[&str] = &[
    "Existing Customer - Upgrade",
    "Existing Customer - Replacement",
    "Existing Customer - Downgrade",
    "New Customer",
];
const SOURCES: &[&str] = &["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"];
const LEAD_STATUSES: &[&str] = &[
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];
const HELP: &[&str] = &[
    "General or other",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post-sales customer success",
    "Workload-specific value proposition",
];
const ROLES: &[&str] = &[
    "Business User",
    "Decision Maker",
    "Economic Buyer",
    "Economic Decision Maker",
    "Evaluator",
    "Executive Sponsor",
    "Influencer",
    "Technical Buyer",
    "Other",
];
const TEAM_ROLES: &[&str] =
    &["Account Manager", "Channel Manager", "Executive Sponsor", "Opportunity Owner", "Sales Rep"];
const ACCESS: &[&str] = &["Read", "Edit", "All"];

const USER: &[&str] = &["User"];
const ACCOUNT: &[&str] = &["Account"];
const OPPORTUNITY: &[&str] = &["Opportunity"];
const CURRENCY_CODE: Field = field("CurrencyIsoCode", "Currency ISO Code", Picklist(CURRENCIES));
const OWNER: Field = field("OwnerId", "Owner ID", Reference(USER, "Owner"));
const ACCOUNT_ID: Field = field("AccountId", "Account ID", Reference(ACCOUNT, "Account"));

/// What every record has; the id comes first.
pub(super) const SYSTEM: &[Field] = &[
    field("Id", "Record ID", Id).read_only(),
    field("IsDeleted", "Deleted", Flag).read_only(),
    field("CreatedDate", "Created Date", DateTime).read_only(),
    field("CreatedById", "Created By ID", Reference(USER, "CreatedBy")).read_only(),
    field("LastModifiedDate", "Last Modified Date", DateTime).read_only(),
    field("LastModifiedById", "Last Modified By ID", Reference(USER, "LastModifiedBy")).read_only(),
    field("SystemModstamp", "System Modstamp", DateTime).read_only(),
];

const ACCOUNT_FIELDS: &[Field] = &[
    field("Name", "Account Name", Text(255)).required(),
    field("AccountNumber", "Account Number", Text(40)),
    field("BillingStreet", "Billing Street", Text(255)),
    field("BillingCity", "Billing City", Text(40)),
    field("BillingState", "Billing State/Province", Text(80)),
    field("BillingPostalCode", "Billing Zip/Postal Code", Text(20)),
    field("BillingCountry", "Billing Country", Text(80)),
    field("Phone", "Account Phone", Phone),
    field("Website", "Website", Url),
    field("Industry", "Industry", Text(255)),
    field("NumberOfEmployees", "Employees", Whole),
    field("AnnualRevenue", "Annual Revenue", Currency),
    field("Description", "Account Description", Area(32_000)),
    field("ParentId", "Parent Account ID", Reference(ACCOUNT, "Parent")),
    CURRENCY_CODE,
    OWNER,
];

const CONTACT_FIELDS: &[Field] = &[
    ACCOUNT_ID,
    field("Salutation", "Salutation", Text(40)),
    field("FirstName", "First Name", Text(40)),
    field("LastName", "Last Name", Text(80)).required(),
    field("Name", "Full Name", Text(121)).read_only(),
    field("Title", "Title", Text(128)),
    field("Email", "Email", Email),
    field("Phone", "Business Phone", Phone),
    field("MobilePhone", "Mobile Phone", Phone),
    field("MailingCity", "Mailing City", Text(40)),
    field("MailingCountry", "Mailing Country", Text(80)),
    field("Description", "Contact Description", Area(32_000)),
    CURRENCY_CODE,
    OWNER,
];

const OPPORTUNITY_FIELDS: &[Field] = &[
    field("Name", "Name", Text(120)).required(),
    ACCOUNT_ID,
    field("StageName", "Stage", Picklist(STAGE_NAMES)).required(),
    field("CloseDate", "Close Date", Date).required(),
    field("Amount", "Amount", Currency),
    field("Probability", "Probability (%)", Percent),
    field("Type", "Opportunity Type", Picklist(TYPES)),
    field("LeadSource", "Lead Source", Picklist(SOURCES)),
    field("NextStep", "Next Step", Text(255)),
    field("Description", "Description", Area(32_000)),
    field("IsClosed", "Closed", Flag).read_only(),
    field("IsWon", "Won", Flag).read_only(),
    field("ForecastCategory", "Forecast Category", Picklist(FORECASTS)).read_only(),
    field("ForecastCategoryName", "Forecast Category", Picklist(FORECASTS)),
    field("CampaignId", "Campaign ID", Reference(&["Campaign"], "Campaign")),
    field("ContactId", "Contact ID", Reference(&["Contact"], "Contact")).create_only(),
    CURRENCY_CODE,
    OWNER,
    field("Sync_with_Partner_Center__c", "Sync with Partner Center", Flag),
    field("Referral_Identifier__c", "Referral Identifier", Text(100)).external_id(),
    field("Referral_Link__c", "Referral Link", Url),
    field("How_can_Microsoft_help__c", "How can Microsoft help?", Picklist(HELP)),
    field(
        "Microsoft_Partner_Center_Referral_Visibility__c",
        "Microsoft Partner Center Referral Visibility",
        Flag,
    ),
    field("Microsoft_CRM_Identifier__c", "Microsoft CRM Identifier", Text(100)),
    field("Products__c", "Products", Text(255)),
    field("Audit__c", "Audit", Area(100_000)),
    field("Sync_State__c", "Sync State", Area(131_072)),
];

const SOLUTION_FIELDS: &[Field] = &[
    field("Name", "Solution Name", Text(80)),
    field("Opportunity__c", "Opportunity", Reference(OPPORTUNITY, "Opportunity__r"))
        .required()
        .create_only(),
    field(
        "Microsoft_Solution_Detail__c",
        "Microsoft Solution Detail",
        Reference(&["Microsoft_Solution_Detail__c"], "Microsoft_Solution_Detail__r"),
    ),
    field("Quantity__c", "Quantity", Double),
    field("Price__c", "Price", Currency),
    field("Solution_Key__c", "Solution Key", Text(200)).external_id().unique(),
    CURRENCY_CODE,
];

const DETAIL_FIELDS: &[Field] = &[
    field("Name", "Solution Name", Text(80)).required(),
    field("Solution_Identifier__c", "Solution Identifier", Text(100)).external_id().unique(),
    field("Solution_Type__c", "Solution Type", Text(40)),
    field("Publisher__c", "Publisher", Text(255)),
    CURRENCY_CODE,
    OWNER,
];

const CONTACT_ROLE_FIELDS: &[Field] = &[
    field("OpportunityId", "Opportunity ID", Reference(OPPORTUNITY, "Opportunity"))
        .required()
        .create_only(),
    field("ContactId", "Contact ID", Reference(&["Contact"], "Contact")).required(),
    field("Role", "Role", Picklist(ROLES)),
    field("IsPrimary", "Primary", Flag),
];

const TEAM_FIELDS: &[Field] = &[
    field("OpportunityId", "Opportunity ID", Reference(OPPORTUNITY, "Opportunity"))
        .required()
        .create_only(),
    field("UserId", "User ID", Reference(USER, "User")).required().create_only(),
    field("TeamMemberRole", "Member Role", Picklist(TEAM_ROLES)),
    field("OpportunityAccessLevel", "Opportunity Access", Picklist(ACCESS)),
];

const NOTE_FIELDS: &[Field] = &[
    field("ParentId", "Parent ID", Reference(&["Opportunity", "Account", "Contact"], "Parent"))
        .required()
        .create_only(),
    field("Title", "Title", Text(80)).required(),
    field("Body", "Body", Area(32_000)),
    field("IsPrivate", "Private", Flag),
    OWNER,
];

const LEAD_FIELDS: &[Field] = &[
    field("FirstName", "First Name", Text(40)),
    field("LastName", "Last Name", Text(80)).required(),
    field("Name", "Full Name", Text(121)).read_only(),
    field("Company", "Company", Text(255)).required(),
    field("Status", "Lead Status", Picklist(LEAD_STATUSES)),
    field("LeadSource", "Lead Source", Picklist(SOURCES)),
    field("Title", "Title", Text(128)),
    field("Email", "Email", Email),
    field("Phone", "Phone", Phone),
    field("City", "City", Text(40)),
    field("PostalCode", "Zip/Postal Code", Text(20)),
    field("Country", "Country", Text(80)),
    field("AnnualRevenue", "Annual Revenue", Currency),
    field("Description", "Description", Area(32_000)),
    CURRENCY_CODE,
    OWNER,
    field("Referral_Identifier__c", "Referral Identifier", Text(100)).external_id(),
    field("Referral_Link__c", "Referral Link", Url),
];

const CAMPAIGN_FIELDS: &[Field] = &[
    field("Name", "Name", Text(80)).required(),
    field("Status", "Status", Text(40)),
    field("IsActive", "Active", Flag),
    field("StartDate", "Start Date", Date),
    field("EndDate", "End Date", Date),
    CURRENCY_CODE,
    OWNER,
];

const USER_FIELDS: &[Field] = &[
    field("Name", "Full Name", Text(121)).read_only(),
    field("Username", "Username", Text(80)).read_only(),
    field("FirstName", "First Name", Text(40)).read_only(),
    field("LastName", "Last Name", Text(80)).read_only(),
    field("Email", "Email", Email).read_only(),
    field("Phone", "Phone", Phone).read_only(),
    field("Title", "Title", Text(80)).read_only(),
    field("IsActive", "Active", Flag).read_only(),
];

const STAGE_FIELDS: &[Field] = &[
    field("MasterLabel", "Master Label", Text(255)).read_only(),
    field("ApiName", "API Name", Text(255)).read_only(),
    field("IsActive", "Is Active", Flag).read_only(),
    field("IsClosed", "Closed", Flag).read_only(),
    field("IsWon", "Won", Flag).read_only(),
    field("SortOrder", "Order", Whole).read_only(),
    field("DefaultProbability", "Probability (%)", Percent).read_only(),
    field("ForecastCategoryName", "Forecast Category", Picklist(FORECASTS)).read_only(),
];

const CURRENCY_FIELDS: &[Field] = &[
    field("IsoCode", "Currency ISO Code", Picklist(CURRENCIES)).read_only(),
    field("ConversionRate", "Conversion Rate", Double).read_only(),
    field("DecimalPlaces", "Decimal Places", Whole).read_only(),
    field("IsActive", "Active", Flag).read_only(),
    field("IsCorporate", "Corporate Currency", Flag).read_only(),
];

const fn object(
    name: &'static str,
    (label, plural): (&'static str, &'static str),
    prefix: &'static str,
    fields: &'static [Field],
) -> Object {
    Object { name, label, plural, prefix, writable: true, fields }
}

const fn fixed(
    name: &'static str,
    labels: (&'static str, &'static str),
    prefix: &'static str,
    fields: &'static [Field],
) -> Object {
    Object { writable: false, ..object(name, labels, prefix, fields) }
}

/// Every object, in the order they are shown.
pub(super) const OBJECTS: &[Object] = &[
    object("Opportunity", ("Opportunity", "Opportunities"), "006", OPPORTUNITY_FIELDS),
    object("Account", ("Account", "Accounts"), "001", ACCOUNT_FIELDS),
    object("Contact", ("Contact", "Contacts"), "003", CONTACT_FIELDS),
    object("Lead", ("Lead", "Leads"), "00Q", LEAD_FIELDS),
    object(
        "OpportunityContactRole",
        ("Opportunity Contact Role", "Opportunity Contact Roles"),
        "00K",
        CONTACT_ROLE_FIELDS,
    ),
    object(
        "OpportunityTeamMember",
        ("Opportunity Team Member", "Opportunity Team Members"),
        "00q",
        TEAM_FIELDS,
    ),
    object("Note", ("Note", "Notes"), "002", NOTE_FIELDS),
    object("Campaign", ("Campaign", "Campaigns"), "701", CAMPAIGN_FIELDS),
    object(
        "Microsoft_Partner_Center_Solution__c",
        ("Microsoft Partner Center Solution", "Microsoft Partner Center Solutions"),
        "a00",
        SOLUTION_FIELDS,
    ),
    object(
        "Microsoft_Solution_Detail__c",
        ("Microsoft Solution Detail", "Microsoft Solution Details"),
        "a01",
        DETAIL_FIELDS,
    ),
    fixed("User", ("User", "Users"), "005", USER_FIELDS),
    fixed("OpportunityStage", ("Opportunity Stage", "Opportunity Stages"), "01J", STAGE_FIELDS),
    fixed("CurrencyType", ("Currency Type", "Currency Types"), "01L", CURRENCY_FIELDS),
];
