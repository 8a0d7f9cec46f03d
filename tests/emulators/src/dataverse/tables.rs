//! The tables and columns this Dataverse knows, one record a column.

use crate::filter::Kind;

/// A table: its set name in URLs, its logical name in messages, its columns.
pub(crate) struct Table {
    pub(crate) set: &'static str,
    pub(crate) logical: &'static str,
    pub(crate) id: &'static str,
    /// The column a person would call the record by.
    pub(crate) name: &'static str,
    /// The column that is an alternate key.
    pub(crate) alternate_key: Option<&'static str>,
    /// Each state with the status reasons that belong to it, the default first.
    pub(crate) states: &'static [(i64, &'static [i64])],
    pub(crate) columns: &'static [Column],
    /// The collections of records that lead here.
    pub(crate) collections: &'static [Collection],
}

/// The records of a table whose lookup leads to a record of another one.
pub(crate) struct Collection {
    pub(crate) name: &'static str,
    pub(crate) set: &'static str,
    /// The lookup, by its column's name.
    pub(crate) column: &'static str,
}

/// A column and what it may hold.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    pub(crate) required: bool,
    pub(crate) read_only: bool,
}

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    Id,
    Text(usize),
    Whole(i64, i64),
    /// The values with their labels.
    Choice(&'static [(i64, &'static str)]),
    Money,
    Decimal,
    Flag,
    Date,
    Instant,
    /// The navigation properties to write it by, each with the set it leads to.
    Lookup(&'static [(&'static str, &'static str)]),
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: false, read_only: false }
}

const fn required(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: true, read_only: false }
}

const fn read_only(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: false, read_only: true }
}

const CURRENCY: Holds = Holds::Lookup(&[("transactioncurrencyid", "transactioncurrencies")]);
/// Read as a user, too: `owninguser` is where `$expand` finds the owner's own columns.
const OWNER: Holds = Holds::Lookup(&[("ownerid", "systemusers"), ("owninguser", "systemusers")]);
const STATES: &[(i64, &[i64])] = &[(0, &[1]), (1, &[2])];
const STATE: Holds = Holds::Choice(&[(0, "Active"), (1, "Inactive")]);
const LEAD_STATE: Holds = Holds::Choice(&[(0, "Open"), (1, "Qualified"), (2, "Disqualified")]);
const LEAD_STATUS: Holds = Holds::Choice(&[
    (1, "New"),
    (2, "Contacted"),
    (3, "Qualified"),
    (4, "Lost"),
    (5, "Cannot Contact"),
    (6, "No Longer Interested"),
    (7, "Canceled"),
]);
const STATUS: Holds = Holds::Choice(&[(1, "Active"), (2, "Inactive")]);

const fn collection(name: &'static str, set: &'static str, column: &'static str) -> Collection {
    Collection { name, set, column }
}

/// The columns every table ends with.
const CREATED: Column = read_only("createdon", Holds::Instant);
const MODIFIED: Column = read_only("modifiedon", Holds::Instant);
const CREATED_BY: Column = read_only("createdby", Holds::Lookup(&[("createdby", "systemusers")]));
const MODIFIED_BY: Column =
    read_only("modifiedby", Holds::Lookup(&[("modifiedby", "systemusers")]));
const VERSION: Column = read_only("versionnumber", Holds::Whole(0, i64::MAX));

const SALES_STAGE: Holds =
    Holds::Choice(&[(0, "Qualify"), (1, "Develop"), (2, "Propose"), (3, "Close")]);
const OPPORTUNITY_STATUS: Holds = Holds::Choice(&[
    (1, "In Progress"),
    (2, "On Hold"),
    (3, "Won"),
    (4, "Canceled"),
    (5, "Out-Sold"),
]);

pub(crate) const OPPORTUNITIES: Table = Table {
    set: "opportunities",
    logical: "opportunity",
    id: "opportunityid",
    name: "name",
    alternate_key: Some("flowright_referralidentifier"),
    states: &[(0, &[1, 2]), (1, &[3]), (2, &[4, 5])],
    columns: &[
        column("opportunityid", Holds::Id),
        required("name", Holds::Text(300)),
        column("estimatedvalue", Holds::Money),
        column("isrevenuesystemcalculated", Holds::Flag),
        column("estimatedclosedate", Holds::Date),
        column(
            "customerid",
            Holds::Lookup(&[
                ("customerid_account", "accounts"),
                ("customerid_contact", "contacts"),
            ]),
        ),
        column("parentaccountid", Holds::Lookup(&[("parentaccountid", "accounts")])),
        column("parentcontactid", Holds::Lookup(&[("parentcontactid", "contacts")])),
        column("transactioncurrencyid", CURRENCY),
        column("ownerid", OWNER),
        column("description", Holds::Text(2_000)),
        column("closeprobability", Holds::Whole(0, 100)),
        column("opportunityratingcode", Holds::Choice(&[(1, "Hot"), (2, "Warm"), (3, "Cold")])),
        column("salesstage", SALES_STAGE),
        column("statecode", Holds::Choice(&[(0, "Open"), (1, "Won"), (2, "Lost")])),
        column("statuscode", OPPORTUNITY_STATUS),
        column("campaignid", Holds::Lookup(&[("campaignid", "campaigns")])),
        column("flowright_referralidentifier", Holds::Text(100)),
        column("flowright_referrallink", Holds::Text(255)),
        column("flowright_syncwithpartnercenter", Holds::Flag),
        column("flowright_microsofthelp", Holds::Text(100)),
        column("flowright_audit", Holds::Text(100_000)),
        column("flowright_microsoftcrmid", Holds::Text(100)),
        column("flowright_visibility", Holds::Flag),
        column("flowright_syncstate", Holds::Text(100_000)),
        CREATED,
        MODIFIED,
        CREATED_BY,
        MODIFIED_BY,
        VERSION,
    ],
    collections: &[collection(
        "flowright_opportunity_microsoftsolution",
        "flowright_microsoftsolutions",
        "flowright_opportunityid",
    )],
};

/// Every table, in the order they are shown.
pub(crate) const TABLES: &[Table] = &[
    OPPORTUNITIES,
    Table {
        set: "accounts",
        logical: "account",
        id: "accountid",
        name: "name",
        alternate_key: None,
        states: STATES,
        columns: &[
            column("accountid", Holds::Id),
            required("name", Holds::Text(160)),
            column("address1_line1", Holds::Text(250)),
            column("address1_line2", Holds::Text(250)),
            column("address1_city", Holds::Text(80)),
            column("address1_stateorprovince", Holds::Text(50)),
            column("address1_postalcode", Holds::Text(20)),
            column("address1_country", Holds::Text(80)),
            column("telephone1", Holds::Text(50)),
            column("emailaddress1", Holds::Text(100)),
            column("primarycontactid", Holds::Lookup(&[("primarycontactid", "contacts")])),
            column("transactioncurrencyid", CURRENCY),
            column("ownerid", OWNER),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[
            collection("opportunity_customer_accounts", "opportunities", "customerid"),
            collection("opportunity_parent_account", "opportunities", "parentaccountid"),
            collection("contact_customer_accounts", "contacts", "parentcustomerid"),
        ],
    },
    Table {
        set: "contacts",
        logical: "contact",
        id: "contactid",
        name: "fullname",
        alternate_key: None,
        states: STATES,
        columns: &[
            column("contactid", Holds::Id),
            column("firstname", Holds::Text(50)),
            required("lastname", Holds::Text(50)),
            read_only("fullname", Holds::Text(160)),
            column("emailaddress1", Holds::Text(100)),
            column("telephone1", Holds::Text(50)),
            column(
                "parentcustomerid",
                Holds::Lookup(&[
                    ("parentcustomerid_account", "accounts"),
                    ("parentcustomerid_contact", "contacts"),
                ]),
            ),
            column("ownerid", OWNER),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[
            collection("opportunity_customer_contacts", "opportunities", "customerid"),
            collection("opportunity_parent_contact", "opportunities", "parentcontactid"),
            collection("account_primary_contact", "accounts", "primarycontactid"),
        ],
    },
    Table {
        set: "leads",
        logical: "lead",
        id: "leadid",
        name: "fullname",
        alternate_key: Some("flowright_referralidentifier"),
        states: &[(0, &[1, 2]), (1, &[3]), (2, &[4, 5, 6, 7])],
        columns: &[
            column("leadid", Holds::Id),
            required("subject", Holds::Text(300)),
            column("firstname", Holds::Text(50)),
            column("lastname", Holds::Text(50)),
            read_only("fullname", Holds::Text(160)),
            column("companyname", Holds::Text(100)),
            column("emailaddress1", Holds::Text(100)),
            column("telephone1", Holds::Text(50)),
            column("address1_city", Holds::Text(80)),
            column("address1_postalcode", Holds::Text(20)),
            column("address1_country", Holds::Text(80)),
            column("estimatedamount", Holds::Money),
            column("estimatedclosedate", Holds::Date),
            column("description", Holds::Text(2_000)),
            column("leadqualitycode", Holds::Choice(&[(1, "Hot"), (2, "Warm"), (3, "Cold")])),
            column("campaignid", Holds::Lookup(&[("campaignid", "campaigns")])),
            column("transactioncurrencyid", CURRENCY),
            column("ownerid", OWNER),
            column("statecode", LEAD_STATE),
            column("statuscode", LEAD_STATUS),
            column("flowright_referralidentifier", Holds::Text(100)),
            column("flowright_referrallink", Holds::Text(255)),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[],
    },
    Table {
        set: "transactioncurrencies",
        logical: "transactioncurrency",
        id: "transactioncurrencyid",
        name: "currencyname",
        alternate_key: None,
        states: STATES,
        columns: &[
            column("transactioncurrencyid", Holds::Id),
            required("isocurrencycode", Holds::Text(5)),
            required("currencyname", Holds::Text(100)),
            column("currencysymbol", Holds::Text(13)),
            column("exchangerate", Holds::Decimal),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[collection(
            "transactioncurrency_opportunity",
            "opportunities",
            "transactioncurrencyid",
        )],
    },
    Table {
        set: "systemusers",
        logical: "systemuser",
        id: "systemuserid",
        name: "fullname",
        alternate_key: None,
        states: &[],
        columns: &[
            column("systemuserid", Holds::Id),
            column("fullname", Holds::Text(200)),
            column("firstname", Holds::Text(64)),
            column("lastname", Holds::Text(64)),
            column("internalemailaddress", Holds::Text(100)),
            column("domainname", Holds::Text(1_024)),
            column("address1_telephone1", Holds::Text(64)),
            column("isdisabled", Holds::Flag),
            column("businessunitid", Holds::Lookup(&[("businessunitid", "businessunits")])),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[collection("opportunity_owning_user", "opportunities", "ownerid")],
    },
    Table {
        set: "businessunits",
        logical: "businessunit",
        id: "businessunitid",
        name: "name",
        alternate_key: None,
        states: &[],
        columns: &[
            column("businessunitid", Holds::Id),
            required("name", Holds::Text(160)),
            column(
                "parentbusinessunitid",
                Holds::Lookup(&[("parentbusinessunitid", "businessunits")]),
            ),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[collection("business_unit_system_users", "systemusers", "businessunitid")],
    },
    Table {
        set: "campaigns",
        logical: "campaign",
        id: "campaignid",
        name: "name",
        alternate_key: None,
        states: STATES,
        columns: &[
            column("campaignid", Holds::Id),
            required("name", Holds::Text(128)),
            column("codename", Holds::Text(32)),
            column("transactioncurrencyid", CURRENCY),
            column("ownerid", OWNER),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[collection("campaign_opportunities", "opportunities", "campaignid")],
    },
    Table {
        set: "flowright_microsoftsolutions",
        logical: "flowright_microsoftsolution",
        id: "flowright_microsoftsolutionid",
        name: "flowright_name",
        alternate_key: None,
        states: STATES,
        columns: &[
            column("flowright_microsoftsolutionid", Holds::Id),
            required("flowright_name", Holds::Text(100)),
            column(
                "flowright_opportunityid",
                Holds::Lookup(&[("flowright_OpportunityId", "opportunities")]),
            ),
            column(
                "flowright_solutiondetailid",
                Holds::Lookup(&[("flowright_SolutionDetailId", "flowright_solutiondetails")]),
            ),
            column("flowright_quantity", Holds::Decimal),
            column("flowright_price", Holds::Money),
            column("transactioncurrencyid", CURRENCY),
            column("ownerid", OWNER),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[],
    },
    Table {
        set: "flowright_solutiondetails",
        logical: "flowright_solutiondetail",
        id: "flowright_solutiondetailid",
        name: "flowright_name",
        alternate_key: Some("flowright_solutionidentifier"),
        states: STATES,
        columns: &[
            column("flowright_solutiondetailid", Holds::Id),
            required("flowright_name", Holds::Text(100)),
            column("flowright_solutionidentifier", Holds::Text(100)),
            column("flowright_solutiontype", Holds::Text(40)),
            column("flowright_publisher", Holds::Text(255)),
            column("ownerid", OWNER),
            column("statecode", STATE),
            column("statuscode", STATUS),
            CREATED,
            MODIFIED,
            CREATED_BY,
            MODIFIED_BY,
            VERSION,
        ],
        collections: &[collection(
            "flowright_solutiondetail_microsoftsolution",
            "flowright_microsoftsolutions",
            "flowright_solutiondetailid",
        )],
    },
];

impl Table {
    pub(crate) fn named(set: &str) -> Option<&'static Table> {
        TABLES.iter().find(|it| it.set == set)
    }

    pub(crate) fn of_logical(name: &str) -> Option<&'static Table> {
        TABLES.iter().find(|it| it.logical == name)
    }

    /// The lookup behind a navigation property, and the table it leads to.
    pub(crate) fn navigate(&self, name: &str) -> Option<(&'static Column, &'static Table)> {
        self.columns.iter().find_map(|column| {
            let Holds::Lookup(targets) = column.holds else { return None };
            let (_, set) = targets.iter().find(|(navigation, _)| *navigation == name)?;
            Some((column, Self::named(set)?))
        })
    }

    /// A collection of records that lead here, and their table.
    pub(crate) fn collection(&self, name: &str) -> Option<(&'static Collection, &'static Table)> {
        let found = self.collections.iter().find(|it| it.name == name)?;
        Some((found, Self::named(found.set)?))
    }

    pub(crate) fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|it| it.name == name)
    }

    /// The name a column is read by: lookups as `_name_value`, all others as they are called.
    pub(crate) fn readable(&self, name: &str) -> Option<(&'static Column, String)> {
        let inner = name.strip_prefix('_').and_then(|it| it.strip_suffix("_value"));
        match inner {
            Some(inner) => self.column(inner).filter(|it| it.is_lookup()),
            None => self.column(name),
        }
        .map(|column| (column, column.read_name()))
    }
}

impl Column {
    pub(crate) fn is_lookup(&self) -> bool {
        matches!(self.holds, Holds::Lookup(_))
    }

    pub(crate) fn read_name(&self) -> String {
        if self.is_lookup() { format!("_{}_value", self.name) } else { self.name.to_owned() }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.holds {
            Holds::Id | Holds::Lookup(_) => Kind::Guid,
            Holds::Text(_) => Kind::Text,
            Holds::Whole(..) | Holds::Choice(_) | Holds::Money | Holds::Decimal => Kind::Number,
            Holds::Flag => Kind::Bool,
            Holds::Date => Kind::Date,
            Holds::Instant => Kind::DateTime,
        }
    }
}
