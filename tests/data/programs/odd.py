"""A connector program that does whatever it is told, right or wrong. It answers one line at a time,
in threads, and writes down in the file `ODD_LOG` what it has done."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time

LOG = os.environ.get("ODD_LOG")
START = os.environ.get("ODD_START", "")

TEXT = {"type": "string"}
OPERATIONS = {
    name: {"effect": effect, "params": {"times": {"type": "integer"}, "text": TEXT}}
    for name, effect in {
        "Echo": "read",
        "Env": "read",
        "Hang": "read",
        "Slow": "read",
        "Die": "read",
        "CreateAndDie": "create",
        "CreateOnceAndDie": "create",
        "CreateAndHang": "create",
        "Flood": "read",
        "Garbage": "read",
        "Twice": "read",
        "Long": "read",
        "Fail": "read",
        "Bytes": "read",
        "Broken": "read",
        "Family": "read",
        "Change": "read",
    }.items()
}
OPERATIONS["CreateOnceAndDie"]["idempotent"] = True
OPERATIONS["Echo"]["returns"] = {"type": "object"}
TRIGGERS = {
    "OnLine": {
        "kind": "poll",
        "every": "PT1S",
        "everyMin": "PT1S",
        "params": {"file": {**TEXT, "required": True}, "page": {"type": "integer", "default": 3}},
    },
    "OnCall": {
        "kind": "webhook",
        "renew": True,
        "renewEvery": "PT1S",
        "unsubscribe": True,
        "verify": True,
        "params": {"about": {**TEXT, "required": True}},
    },
}

writing = threading.Lock()
described = {"operations": OPERATIONS, "triggers": TRIGGERS}


def write(text):
    with writing:
        sys.stdout.write(text)
        sys.stdout.flush()


def say(message):
    write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def log(text):
    with open(LOG, "a") as file:
        file.write(text + "\n")


def lines():
    try:
        with open(LOG) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def die():
    os.kill(os.getpid(), 9)


def invoke(params):
    operation, inputs = params["operation"], params["inputs"]
    times = inputs.get("times", 1)
    if operation in ("Echo", "Twice"):
        return {"body": params}
    if operation == "Env":
        return {"body": {"environment": dict(os.environ), "folder": os.getcwd()}}
    if operation == "Hang":
        log("hangs")
        time.sleep(3600)
    if operation == "Slow":
        log("begin")
        time.sleep(times / 1000)
        log("end")
        return {"body": times}
    if operation == "Die":
        log("die")
        if times < len([it for it in lines() if it == "die"]):
            return {"body": "alive"}
        die()
    if operation == "CreateAndDie":
        log("create")
        die()
    if operation == "CreateAndHang":
        log("create")
        time.sleep(3600)
    if operation == "CreateOnceAndDie":
        key = "create " + params["idempotencyKey"]
        if key in lines():
            return {"status": 201, "body": "made"}
        log(key)
        die()
    if operation == "Flood":
        for number in range(times):
            print(f"{number} " + "x" * 200, file=sys.stderr)
        print("the password is " + params["connection"]["values"]["password"], file=sys.stderr)
        return {"body": "done"}
    if operation == "Garbage":
        for number in range(times):
            write(f"garbage {number}\n")
        write('[1, 2]\n{"jsonrpc": "2.0"}\n\n')
        return {"body": "done"}
    if operation == "Long":
        write("x" * times + "\n")
        time.sleep(3600)
    if operation == "Fail":
        log("fail")
        data = json.loads(inputs["text"])
        if times < len([it for it in lines() if it == "fail"]):
            return {"body": "well"}
        return {"error": {"code": -32000, "message": data.pop("message", ""), "data": data}}
    if operation == "Bytes":
        return {"headers": {"Content-Type": "image/png", "X-Number": 7}, "bodyBase64": "iVBORw=="}
    if operation == "Broken":
        return json.loads(inputs["text"])
    if operation == "Family":
        child = subprocess.Popen(["sleep", "1000"], stdout=subprocess.DEVNULL)
        return {"body": {"own": os.getpid(), "child": child.pid}}
    if operation == "Change":
        OPERATIONS["Another"] = {"effect": "read"}
        say({"method": "$/changed"})
        return {"body": "changed"}
    return {"status": 404}


def poll(params):
    with open(params["inputs"]["file"]) as file:
        known = [it for it in file.read().splitlines() if it]
    state = params.get("state")
    log(f"poll {state} since {params['since']}")
    if state is None:
        return {"items": [], "state": len(known)}
    found = known[state:][: params["inputs"]["page"]]
    items = [{"key": f"line {state + number}", "body": it} for number, it in enumerate(found)]
    state += len(found)
    if "die" in found and f"died of {state}" not in lines():
        log(f"died of {state}")
        die()
    return {"items": items, "state": state, "more": state < len(known)}


def subscription(params):
    return f"{params['trigger']} of {params['inputs']['about']}"


def subscribe(params):
    log("subscribe " + params["callbackUrl"])
    return {"subscription": subscription(params)}


def renew(params):
    log("renew " + params["subscription"])
    return {}


def unsubscribe(params):
    log("unsubscribe " + params["subscription"])
    return {}


def verify(params):
    import base64

    key = params["connection"]["values"]["password"].encode()
    signature = hmac.new(key, base64.b64decode(params["bodyBase64"]), hashlib.sha256).hexdigest()
    headers = {name.lower(): value for name, value in params["headers"].items()}
    return {"accepted": hmac.compare_digest(signature, headers.get("x-signature", ""))}


def discover(params):
    return {"type": "object", "properties": {params["schema"]: TEXT}}


def initialize(params):
    if START == "never":
        time.sleep(3600)
    if START == "version":
        return {"protocolVersion": "99"}
    return {"protocolVersion": params["protocolVersions"][0], "program": {"name": "odd"}}


METHODS = {
    "initialize": initialize,
    "describe": lambda params: described,
    "invoke": invoke,
    "poll": poll,
    "subscribe": subscribe,
    "renew": renew,
    "unsubscribe": unsubscribe,
    "verify": verify,
    "discover": discover,
}


def answer(question):
    method = question["method"]
    if method == "shutdown":
        log("shutdown")
        say({"id": question["id"], "result": {}})
        return
    result = METHODS[method](question["params"])
    if isinstance(result, dict) and "error" in result:
        say({"id": question["id"], **result})
        return
    for _ in range(2 if question["params"].get("operation") == "Twice" else 1):
        say({"id": question["id"], "result": result})


if START == "crash":
    log("start")
    print("there is no licence", file=sys.stderr)
    sys.exit(3)
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "$/cancel":
        log(f"cancel {message['params']['id']}")
    elif "id" in message:
        threading.Thread(target=answer, args=(message,), daemon=True).start()
if LOG:
    log("left alone")
