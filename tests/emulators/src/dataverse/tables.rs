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
    Choice(&'static [i64]),
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
const OWNER: Holds = Holds::Lookup(&[("ownerid", "systemusers")]);
const STATES: &[(i64, &[i64])] = &[(0, &[1]), (1, &[2])];

/// The columns every table ends with.
const CREATED: Column = read_only("createdon", Holds::Instant);
const MODIFIED: Column = read_only("modifiedon", Holds::Instant);
const VERSION: Column = read_only("versionnumber", Holds::Whole(0, i64::MAX));

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
        column("opportunityratingcode", Holds::Choice(&[1, 2, 3])),
        column("salesstage", Holds::Choice(&[0, 1, 2, 3])),
        column("statecode", Holds::Choice(&[0, 1, 2])),
        column("statuscode", Holds::Choice(&[1, 2, 3, 4, 5])),
        column("flowright_referralidentifier", Holds::Text(100)),
        column("flowright_referrallink", Holds::Text(255)),
        column("flowright_syncwithpartnercenter", Holds::Flag),
        column("flowright_microsofthelp", Holds::Text(100)),
        column("flowright_audit", Holds::Text(100_000)),
        column("flowright_microsoftcrmid", Holds::Text(100)),
        column("flowright_visibility", Holds::Flag),
        CREATED,
        MODIFIED,
        VERSION,
    ],
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
            column("statecode", Holds::Choice(&[0, 1])),
            column("statuscode", Holds::Choice(&[1, 2])),
            CREATED,
            MODIFIED,
            VERSION,
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
            column("statecode", Holds::Choice(&[0, 1])),
            column("statuscode", Holds::Choice(&[1, 2])),
            CREATED,
            MODIFIED,
            VERSION,
        ],
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
            column("statecode", Holds::Choice(&[0, 1])),
            column("statuscode", Holds::Choice(&[1, 2])),
            CREATED,
            MODIFIED,
            VERSION,
        ],
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
            column("isdisabled", Holds::Flag),
            CREATED,
            MODIFIED,
            VERSION,
        ],
    },
];

impl Table {
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
