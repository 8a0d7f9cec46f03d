"""A small MCP server for tests. `MCP_MODE` is `handshake`, or `stateless` for the revision without one;
`MCP_LOG` is a file in which it writes down what it is told."""

import json
import os
import sys
import threading
import time

MODE = os.environ.get("MCP_MODE", "handshake")
LOG = os.environ["MCP_LOG"]
SECRET = os.environ.get("TOKEN", "none")

NUMBER = {"type": "number"}
POINT = {"$ref": "#/$defs/Point"}
TOOLS = [
    {
        "name": "add",
        "title": "Add",
        "annotations": {"readOnlyHint": True},
        "inputSchema": {
            "type": "object",
            "properties": {"a": NUMBER, "b": {**NUMBER, "default": 1}},
            "required": ["a"],
        },
        "outputSchema": {"type": "object", "properties": {"sum": NUMBER}, "required": ["sum"]},
    },
    {
        "name": "fs/move",
        "description": "A point as it was given.",
        "annotations": {"idempotentHint": True},
        "inputSchema": {
            "type": "object",
            "properties": {"to": POINT},
            "required": ["to"],
            "$defs": {
                "Point": {
                    "type": "object",
                    "properties": {"x": NUMBER, "next": POINT},
                    "required": ["x"],
                }
            },
        },
    },
    {"name": "fail", "inputSchema": {"type": "object"}},
    {"name": "two", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "picture", "inputSchema": {"type": "object"}},
    {"name": "nothing", "inputSchema": {"type": "object"}},
    {"name": "hang", "inputSchema": {"type": "object"}},
    {"name": "ask", "inputSchema": {"type": "object"}},
    {"name": "more", "inputSchema": {"type": "object"}},
    {"name": "secret", "inputSchema": {"type": "object"}},
]
PAGE = 4

writing = threading.Lock()
replies = {}


def say(message):
    with writing:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def log(text):
    with open(LOG, "a") as file:
        file.write(text + "\n")


def text(value):
    return {"type": "text", "text": value}


def call(name, arguments, question):
    if name == "add":
        total = {"sum": arguments["a"] + arguments["b"]}
        return {"content": [text(json.dumps(total))], "structuredContent": total}
    if name == "fs/move":
        return {"content": [text(json.dumps(arguments))]}
    if name == "fail":
        return {"content": [text("it"), text(f"did not work with {SECRET}")], "isError": True}
    if name == "two":
        return {"content": [text("one"), text("two")]}
    if name == "picture":
        return {"content": [{"type": "image", "data": "iVBORw==", "mimeType": "image/png"}]}
    if name == "nothing":
        return {"content": []}
    if name == "hang":
        log(f"hangs {question['id']}")
        time.sleep(3600)
    if name == "ask":
        # Whoever asks is asked back before it is answered.
        say({"method": "notifications/progress", "params": {"progress": 1}})
        say({"id": "p1", "method": "ping"})
        say({"id": "p2", "method": "sampling/createMessage", "params": {}})
        while len(replies) < 2:
            time.sleep(0.01)
        return {"content": [text(json.dumps(replies, sort_keys=True))]}
    if name == "more":
        TOOLS.append({"name": "late", "inputSchema": {"type": "object"}})
        say({"method": "notifications/tools/list_changed"})
        return {"content": []}
    if name == "secret":
        return {"content": [text(SECRET)]}
    return None


def answer(question):
    method, params = question["method"], question.get("params", {})
    meta = params.get("_meta", {})
    if MODE == "stateless":
        version = meta.get("io.modelcontextprotocol/protocolVersion")
        if method == "initialize" or version != "2026-07-28":
            error = {"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}}
            return {"error": error}
        if method == "server/discover":
            info = {"name": "small", "version": "3"}
            return {"result": {"supportedVersions": ["2026-07-28"], "serverInfo": info}}
    elif method == "initialize":
        log("initialize " + params["protocolVersion"])
        info = {"name": "small", "title": "Small", "version": "3"}
        version = os.environ.get("MCP_VERSION", "2025-06-18")
        return {"result": {"protocolVersion": version, "serverInfo": info, "capabilities": {}}}
    if method == "tools/list":
        log("list")
        first = int(params.get("cursor", "0"))
        page = {"tools": TOOLS[first : first + PAGE]}
        if first + PAGE < len(TOOLS):
            page["nextCursor"] = str(first + PAGE)
        return {"result": page}
    if method == "tools/call":
        result = call(params["name"], params["arguments"], question)
        if result is not None:
            return {"result": result}
        return {"error": {"code": -32602, "message": f"Unknown tool: {params['name']}"}}
    return {"error": {"code": -32601, "message": "Method not found"}}


def work(question):
    say({"id": question["id"], **answer(question)})


print("a banner that should not be here")
sys.stdout.flush()
for line in sys.stdin:
    message = json.loads(line)
    if "method" not in message:
        replies[message["id"]] = message.get("result", message.get("error", {}).get("code"))
    elif "id" in message:
        threading.Thread(target=work, args=(message,), daemon=True).start()
    else:
        log(f"{message['method']} {message.get('params', {}).get('requestId', '')}".strip())
