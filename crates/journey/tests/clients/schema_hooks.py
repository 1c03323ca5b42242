"""What schemathesis can't know of this API: where its requests find something, and which refusal is an honest one.

The test puts a few resources in place, named in the environment. Half of all requests are led to them, so that
more is tried than 404; none of these deletes them.
"""

import json
import os

import schemathesis

PLACES = json.loads(os.environ["MEETME_PLACES"])
SCOPES = ("subscriptionId", "subscription")


def place(name, path):
    """What is in place for a parameter: below `KIND` what stands as `KIND.NAME`, else what stands as `NAME`."""
    kinds = [PLACES[f"{word}.{name}"] for word in path.split("/") if f"{word}.{name}" in PLACES]
    return kinds[0] if kinds else PLACES.get(name)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    for name, sent in list(case.path_parameters.items()):
        there = place(name, case.path)
        if there is None:
            continue
        deletes = case.method.upper() == "DELETE" and name not in SCOPES
        if deletes and str(sent).lower() == there.lower():
            case.path_parameters[name] = "nothing"
        elif not deletes and (len(str(sent)) % 2 == 0 or name in SCOPES):
            case.path_parameters[name] = there


@schemathesis.hook
def filter_failure(_context, _failure, _case, response):
    """There are no routers here: that a live question can't be answered is told, and no failure."""
    if response.status_code != 503:
        return True
    return response.json()["error"]["code"] != "EdgeUnavailable"
