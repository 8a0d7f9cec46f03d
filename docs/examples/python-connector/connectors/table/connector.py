"""A connector program: tables of an SQLite file. Python's standard library is all that it needs.

It reads one message of JSON-RPC 2.0 a line from standard input and writes one a line to standard
output. Whatever is for people goes to standard error.
"""

import json
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

NAME = {"type": "string", "required": True, "description": "Name of the table."}
ROW = {"type": "object", "description": "Values by column."}
ID = {"type": "integer", "required": True, "description": "The row's number."}

DESCRIPTION = {
    "title": "Tables",
    "operations": {
        "InsertRow": {
            "title": "Insert a row",
            "effect": "create",
            "idempotent": True,
            "params": {"table": NAME, "row": {**ROW, "required": True}},
            "returns": {"type": "object", "properties": {"id": {"type": "integer"}}},
        },
        "GetRow": {
            "title": "Get a row",
            "effect": "read",
            "params": {"table": NAME, "id": ID},
            "returns": ROW,
        },
        "ListRows": {
            "title": "List rows",
            "effect": "read",
            "params": {
                "table": NAME,
                "top": {"type": "integer", "minimum": 1, "default": 100},
            },
            "returns": {"type": "object", "properties": {"value": {"type": "array", "items": ROW}}},
        },
        "UpdateRow": {
            "title": "Update a row",
            "effect": "update",
            "params": {"table": NAME, "id": ID, "row": {**ROW, "required": True}},
        },
        "DeleteRow": {
            "title": "Delete a row",
            "effect": "delete",
            "params": {"table": NAME, "id": ID},
        },
    },
    "triggers": {
        "OnNewRow": {
            "title": "When a row is inserted",
            "kind": "poll",
            "every": "PT10S",
            "everyMin": "PT1S",
            "params": {"table": NAME},
            "returns": ROW,
        },
    },
}

PAGE = 50


class Refused(Exception):
    """An error of the protocol: its class decides whether the engine asks again."""

    def __init__(self, kind, code, message):
        super().__init__(message)
        self.error = {"code": -32000, "message": message, "data": {"class": kind, "code": code}}


def database(params):
    """The file of the connection; every call opens its own, as calls come side by side."""
    file = params["connection"]["values"]["file"]
    base = sqlite3.connect(file, timeout=5)
    base.row_factory = sqlite3.Row
    return base


def quoted(name):
    """A name for SQL: names cannot be bound as values can."""
    if not isinstance(name, str) or not name or "\0" in name or name.startswith("sqlite_"):
        raise Refused("validation", "InvalidName", f"`{name}` is no name of a table or column")
    return '"' + name.replace('"', '""') + '"'


def columns(base, table):
    found = base.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    if not found:
        raise Refused("notFound", "TableNotFound", f"there is no table `{table}`")
    return [(it["name"], it["type"]) for it in found]


def row_of(base, table, number):
    found = base.execute(
        f"SELECT rowid AS id, * FROM {quoted(table)} WHERE rowid = ?", (number,)
    ).fetchone()
    if found is None:
        raise Refused("notFound", "RowNotFound", f"`{table}` has no row {number}")
    return dict(found)


def insert(params, inputs):
    """The key is the same however often the engine has to ask, so a row is inserted once."""
    row, table = inputs["row"], inputs["table"]
    with database(params) as base:
        columns(base, table)
        base.execute("CREATE TABLE IF NOT EXISTS _asked (key TEXT PRIMARY KEY, id INTEGER)")
        known = base.execute("SELECT id FROM _asked WHERE key = ?", (params["idempotencyKey"],))
        known = known.fetchone()
        if known is not None:
            return {"status": 200, "body": {"id": known["id"]}}
        names = ", ".join(quoted(name) for name in row)
        marks = ", ".join("?" for _ in row)
        made = f"({names}) VALUES ({marks})" if row else "DEFAULT VALUES"
        number = base.execute(f"INSERT INTO {quoted(table)} {made}", list(row.values())).lastrowid
        base.execute("INSERT INTO _asked VALUES (?, ?)", (params["idempotencyKey"], number))
        return {"status": 201, "body": {"id": number}}


def get(params, inputs):
    with database(params) as base:
        return {"body": row_of(base, inputs["table"], inputs["id"])}


def list_rows(params, inputs):
    with database(params) as base:
        columns(base, inputs["table"])
        found = base.execute(
            f"SELECT rowid AS id, * FROM {quoted(inputs['table'])} ORDER BY rowid LIMIT ?",
            (inputs["top"],),
        )
        return {"body": {"value": [dict(it) for it in found]}}


def update(params, inputs):
    with database(params) as base:
        row_of(base, inputs["table"], inputs["id"])
        if inputs["row"]:
            marks = ", ".join(f"{quoted(name)} = ?" for name in inputs["row"])
            base.execute(
                f"UPDATE {quoted(inputs['table'])} SET {marks} WHERE rowid = ?",
                [*inputs["row"].values(), inputs["id"]],
            )
        return {"body": row_of(base, inputs["table"], inputs["id"])}


def delete(params, inputs):
    with database(params) as base:
        base.execute(f"DELETE FROM {quoted(inputs['table'])} WHERE rowid = ?", (inputs["id"],))
        return {"status": 204}


OPERATIONS = {
    "InsertRow": insert,
    "GetRow": get,
    "ListRows": list_rows,
    "UpdateRow": update,
    "DeleteRow": delete,
}


def invoke(params):
    return OPERATIONS[params["operation"]](params, params["inputs"])


def poll(params):
    """The state is the last row that was seen. Without one the trigger begins with the rows to come."""
    table = params["inputs"]["table"]
    with database(params) as base:
        columns(base, table)
        state = params.get("state")
        if state is None:
            last = base.execute(f"SELECT coalesce(max(rowid), 0) FROM {quoted(table)}").fetchone()[0]
            return {"items": [], "state": {"last": last}}
        found = base.execute(
            f"SELECT rowid AS id, * FROM {quoted(table)} WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (state["last"], PAGE),
        ).fetchall()
        items = [{"key": f"{table}/{it['id']}", "body": dict(it)} for it in found]
        last = found[-1]["id"] if found else state["last"]
        return {"items": items, "state": {"last": last}, "more": len(found) == PAGE}


def discover(params):
    """The schema of a table, for lint and completion."""
    table = params["inputs"]["table"]
    types = {"INTEGER": "integer", "REAL": "number", "TEXT": "string"}
    with database(params) as base:
        known = columns(base, table)
    return {
        "type": "object",
        "properties": {
            name: {"type": [types[kind.upper()], "null"]} if kind.upper() in types else {}
            for name, kind in known
        },
    }


METHODS = {
    "initialize": lambda params: {
        "protocolVersion": "1",
        "program": {"name": "table", "version": "1.0.0"},
    },
    "describe": lambda params: DESCRIPTION,
    "invoke": invoke,
    "poll": poll,
    "discover": discover,
    "shutdown": lambda params: {},
}

writing = threading.Lock()


def say(message):
    with writing:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def answer(question):
    try:
        method = METHODS.get(question["method"])
        if method is None:
            raise Refused("permanent", "MethodNotFound", f"no method `{question['method']}`")
        say({"id": question["id"], "result": method(question.get("params", {}))})
    except Refused as refused:
        say({"id": question["id"], "error": refused.error})
    except sqlite3.OperationalError as error:
        # Another process writes: later it may work.
        kind = "transient" if "locked" in str(error) else "validation"
        say({"id": question["id"], "error": Refused(kind, "Database", str(error)).error})
    except (sqlite3.Error, KeyError, TypeError, ValueError) as error:
        print(f"cannot {question.get('method')}: {error!r}", file=sys.stderr)
        say({"id": question["id"], "error": Refused("permanent", "Program", str(error)).error})


def main():
    with ThreadPoolExecutor(max_workers=8) as pool:
        # The end of standard input means that the engine is gone or done with us.
        for line in sys.stdin:
            message = json.loads(line)
            # What has no id is told, not asked; calls here are too short to take one back.
            if "id" in message and "method" in message:
                pool.submit(answer, message)


if __name__ == "__main__":
    main()
