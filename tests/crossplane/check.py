"""Reads configurations of nginx by crossplane, with its checks of contexts and arguments on."""

import json
import pathlib
import sys

import crossplane
from crossplane import analyzer

# What stands around a file that is included there.
AROUND = {
    "main": "%s",
    "http": "http { %s }",
    "stream": "stream { %s }",
}

# What modules of Tengine and later versions of nginx know, which crossplane does not. The numbers of
# arguments are those of their documentation.
MORE = {
    "check": [analyzer.NGX_HTTP_UPS_CONF | analyzer.NGX_CONF_1MORE],
    "check_http_send": [analyzer.NGX_HTTP_UPS_CONF | analyzer.NGX_CONF_TAKE1],
    "check_http_expect_alive": [analyzer.NGX_HTTP_UPS_CONF | analyzer.NGX_CONF_1MORE],
    "check_keepalive_requests": [analyzer.NGX_HTTP_UPS_CONF | analyzer.NGX_CONF_TAKE1],
    "dynamic_resolve": [analyzer.NGX_HTTP_UPS_CONF | analyzer.NGX_CONF_ANY],
    "http2": [analyzer.NGX_HTTP_MAIN_CONF | analyzer.NGX_HTTP_SRV_CONF | analyzer.NGX_CONF_FLAG],
    "ssl_reject_handshake": [analyzer.NGX_HTTP_MAIN_CONF | analyzer.NGX_HTTP_SRV_CONF | analyzer.NGX_CONF_FLAG],
}


# Blocks whose directives are keys.
KEYED = {"map", "split_clients", "types"}


def unknown(directives):
    for directive in directives:
        if directive["directive"] not in analyzer.DIRECTIVES:
            yield 'unknown directive "%s"' % directive["directive"]
        if directive["directive"] not in KEYED:
            yield from unknown(directive.get("block", []))


def plain(directives):
    return [
        {
            "name": directive["directive"],
            "args": directive["args"],
            "block": plain(directive["block"]) if "block" in directive else None,
        }
        for directive in directives
    ]


def read(path):
    context = json.loads(path.with_suffix(".json").read_text())["context"]
    whole = path.with_suffix(".whole")
    whole.write_text(AROUND[context] % ("\n" + path.read_text() + "\n"))
    # Not its own strictness, which takes keys for directives.
    payload = crossplane.parse(str(whole), single=True, check_ctx=True, check_args=True)
    config = payload["config"][0]
    parsed = config["parsed"]
    errors = [str(error["error"]) for error in config["errors"]] + list(unknown(parsed))
    for error in errors:
        print("%s: %s" % (path.name, error), file=sys.stderr)
    inner = parsed if context == "main" else parsed[0]["block"]
    return plain(inner), not errors


def main():
    for name, masks in MORE.items():
        analyzer.DIRECTIVES.setdefault(name, masks)
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.conf"))
    answers = {path.stem: read(path) for path in paths}
    json.dump({name: tree for name, (tree, _) in answers.items()}, sys.stdout)
    sys.exit(0 if all(is_good for _, is_good in answers.values()) else 1)


main()
