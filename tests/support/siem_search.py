"""Strict stand-ins for SIEMs that are asked. Each parses the little of its query language that hunts become, refuses
everything else, and runs it over its own rows; alerts, comments and tags are kept as the published APIs do.

They fail by `script` as the servers of `support.siem` do.
"""

import datetime as dt
import json
import re
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, urlsplit

from support.siem import API_KEY, CLIENT, SECRET, TENANT, Server, told

BEARER = "splunk-token"
NAME = r"[A-Za-z_@][\w@-]*(?:\.[\w@-]+)*"
BRACKETED = r"(?:[A-Za-z_]\w*|\['[\w@-]+'\])(?:\.(?:[A-Za-z_]\w*|\['[\w@-]+'\]))*"
COMPARED = {
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class NotTheLanguageError(Exception):
    """What came is not what a hunt becomes."""


def parsed(pattern, text):
    found = re.fullmatch(pattern, text, re.DOTALL)
    if not found:
        raise NotTheLanguageError(text)
    return found.groups()


def instant(text):
    return dt.datetime.fromisoformat(text)


def ordered(rows, name, *, newest, count):
    return sorted(rows, key=lambda row: instant(row[name]), reverse=newest)[:count]


def number(value):
    text = str(value)
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else None


def within(value, network):
    try:
        return ip_address(str(value)) in ip_network(network)
    except ValueError:
        return False


WORDS = {
    "=~": lambda a, b: a == b,
    "contains": lambda a, b: b in a,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class Kusto:
    """Runs a query of advanced hunting over tables of rows."""

    def run(self, text, tables):
        table, *lines = text.split("\n| ")
        rows = tables[parsed(rf"({BRACKETED})", table)[0]]
        window, *conditions, top = lines
        name, first, last = parsed(
            rf"where ({BRACKETED}) between \(datetime\(([^()]*)\) \.\. datetime\(([^()]*)\)\)", window
        )
        rows = [row for row in rows if instant(first) <= instant(row[self.plain(name)]) <= instant(last)]
        for line in conditions:
            held = self.condition(parsed(r"where (.*)", line)[0])
            rows = [row for row in rows if held(row)]
        count, name, order = parsed(rf"top ([0-9]+) by ({BRACKETED}) (asc|desc)", top)
        return ordered(rows, self.plain(name), newest=order == "desc", count=int(count))

    def condition(self, text):
        negated = re.fullmatch(rf"\(isempty\(tostring\(({BRACKETED})\)\) or not\((.*)\)\)", text, re.DOTALL)
        if negated:
            name, held = self.plain(negated[1]), self.held(negated[2])
            return lambda row: row.get(name) in (None, "") or not held(row)
        return self.held(text)

    def held(self, text):
        if re.match("tolong", text):
            name, sign, value = parsed(rf"tolong\(({BRACKETED})\) (==|<=|>=|<|>) (-?[0-9]+)", text)
            name = self.plain(name)
            return lambda row: number(row.get(name)) is not None and COMPARED[sign](number(row[name]), int(value))
        if re.match("isnotempty", text):
            name = self.plain(parsed(rf"isnotempty\(tostring\(({BRACKETED})\)\)", text)[0])
            return lambda row: row.get(name) not in (None, "")
        if re.match("ipv", text):
            kind, name, value = parsed(rf"ipv([46])_is_in_range\(tostring\(({BRACKETED})\), (\".*\")\)", text)
            name, value = self.plain(name), self.literal(value)
            assert ip_network(value).version == int(kind)
            return lambda row: within(row.get(name, ""), value)
        words = "|".join(WORDS)
        name, word, value = parsed(rf"tostring\(({BRACKETED})\) ({words}) (\".*\")", text)
        name, value = self.plain(name), self.literal(value).lower()
        return lambda row: row.get(name) not in (None, "") and WORDS[word](str(row[name]).lower(), value)

    def literal(self, text):
        if not re.fullmatch(r'"(?:[^"\\\n\r]|\\["\\nrt]|\\u[0-9a-f]{4})*"', text):
            raise NotTheLanguageError(text)
        return json.loads(text)

    def plain(self, name):
        return name.replace("['", "").replace("']", "")


class Esql:
    """Runs an ES|QL query over indexes of documents, given as flat rows."""

    TICKED = r"`[\w@-]+`(?:\.`[\w@-]+`)*"
    TEXTS = (
        (rf"TO_LOWER\(TO_STRING\(({TICKED})\)\) == \?", lambda a, b: a == b),
        (rf"LOCATE\(TO_LOWER\(TO_STRING\(({TICKED})\)\), \?\) > 0", lambda a, b: b in a),
        (rf"STARTS_WITH\(TO_LOWER\(TO_STRING\(({TICKED})\)\), \?\)", str.startswith),
        (rf"ENDS_WITH\(TO_LOWER\(TO_STRING\(({TICKED})\)\), \?\)", str.endswith),
        (rf"CIDR_MATCH\(TO_IP\(({TICKED})\), \?\)", within),
    )

    def run(self, text, given, tables):
        values = iter(given)
        source, window, *conditions, sort, limit = text.split("\n| ")
        rows = tables[parsed(r'FROM "([^"]*)" METADATA _id, _index', source)[0]]
        ticked = self.TICKED
        name, again = parsed(rf"WHERE ({ticked}) >= TO_DATETIME\(\?\) AND ({ticked}) <= TO_DATETIME\(\?\)", window)
        assert name == again
        first, last, name = instant(next(values)), instant(next(values)), name.replace("`", "")
        rows = [row for row in rows if first <= instant(row[name]) <= last]
        for line in conditions:
            held = self.condition(parsed(r"WHERE (.*)", line)[0], values)
            rows = [row for row in rows if held(row)]
        if next(values, None) is not None:
            raise NotTheLanguageError("values are left")
        name, order = parsed(rf"SORT ({ticked}) (ASC|DESC), _id ASC", sort)
        count = int(parsed(r"LIMIT ([0-9]+)", limit)[0])
        return ordered(rows, name.replace("`", ""), newest=order == "DESC", count=count)

    def condition(self, text, values):
        exists = re.fullmatch(rf"({self.TICKED}) IS (NOT )?NULL", text)
        if exists:
            name, is_there = exists[1].replace("`", ""), bool(exists[2])
            return lambda row: (row.get(name) is not None) is is_there
        negated = re.fullmatch(rf"\(({self.TICKED}) IS NULL OR NOT \((.*)\)\)", text)
        if negated:
            name, held = negated[1].replace("`", ""), self.held(negated[2], next(values))
            return lambda row: row.get(name) is None or not held(row)
        return self.held(text, next(values))

    def held(self, text, value):
        found = re.fullmatch(rf"TO_LONG\(({self.TICKED})\) (==|<=|>=|<|>) \?", text)
        if found:
            name, sign = found[1].replace("`", ""), COMPARED[found[2]]
            return lambda row: number(row.get(name)) is not None and sign(number(row[name]), value)
        for pattern, compared in self.TEXTS:
            found = re.fullmatch(pattern, text)
            if found:
                name = found[1].replace("`", "")
                return lambda row: row.get(name) is not None and compared(str(row[name]).lower(), value)
        raise NotTheLanguageError(text)


class Spl:
    """Runs a Splunk search over indexes of rows. `_time` is text here; `_time_epoch` is its number."""

    def run(self, text, first, last, tables):
        source, *conditions, sort = text.split("\n| ")
        if source == "search `notable`":
            rows = [row for row in tables["notable"] if row["_time_epoch"] >= first]
        else:
            rows = tables[parsed(r'search index="([^"]*)"', source)[0]]
            rows = [row for row in rows if first <= instant(row["_time"]).timestamp() < last]
        found = re.fullmatch(rf"sort ([0-9]+) ([+-])({NAME})", sort)
        if not found:
            conditions, found = [*conditions, sort], None
        for line in conditions:
            held = self.condition(parsed(r"where (.*)", line)[0])
            rows = [row for row in rows if held(row)]
        if found is None:
            return rows
        return ordered(rows, found[3], newest=found[2] == "-", count=int(found[1]))

    def condition(self, text):
        negated = re.fullmatch(rf"\(isnull\('({NAME})'\) OR NOT (.*)\)", text)
        if negated:
            name, held = negated[1], self.held(negated[2])
            return lambda row: row.get(name) is None or not held(row)
        return self.held(text)

    def held(self, text):
        if text.startswith("tonumber"):
            name, sign, value = parsed(rf"tonumber\('({NAME})'\)(==|<=|>=|=|<|>)(-?[0-9]+)", text)
            return lambda row: number(row.get(name)) is not None and COMPARED[sign](number(row[name]), int(value))
        if text.startswith("cidrmatch"):
            value, name = parsed(rf"cidrmatch\(\"([^\"\\]*)\", '({NAME})'\)", text)
            return lambda row: within(row.get(name, ""), value)
        if text.endswith('!=""'):
            name = parsed(rf"'({NAME})'!=\"\"", text)[0]
            return lambda row: row.get(name) not in (None, "")
        name, value = parsed(rf"match\('({NAME})', \"((?:[A-Za-z0-9()?^]|\\\\x\{{[0-9a-f]+\}}|\\\\z)*)\"\)", text)
        pcre = value.replace("\\\\", "\\")
        pattern = re.sub(r"\\x\{([0-9a-f]+)\}", lambda one: re.escape(chr(int(one[1], 16))), pcre).replace("\\z", r"\Z")
        return lambda row: row.get(name) is not None and re.search(pattern, str(row[name])) is not None


class Graph(Server):
    """Graph security: the login, advanced hunting, and alerts with their comments, two a page."""

    def __init__(self, tables=None):
        super().__init__()
        self.tables, self.alerts, self.logins = tables or {}, {}, 0

    def answer(self, request, body):
        where = urlsplit(request.path)
        if where.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._login(parse_qs(body.decode()))
        if request.headers.get("authorization") != f"Bearer graph-{self.logins}":
            return told(401, {"error": {"code": "InvalidAuthenticationToken"}})
        if where.path == "/v1.0/security/runHuntingQuery":
            return self._hunt(json.loads(body))
        if where.path == "/v1.0/security/alerts_v2":
            return self._page(parse_qs(where.query))
        return self._alert(request.command, where.path.removeprefix("/v1.0/security/alerts_v2/"), body)

    def _login(self, form):
        if form["client_id"] != [CLIENT] or form["client_secret"] != [SECRET]:
            return told(401, {"error": "invalid_client"})
        if form["scope"] != ["https://graph.microsoft.com/.default"]:
            return told(400, {"error": "invalid_scope"})
        self.logins += 1
        return told(200, {"access_token": f"graph-{self.logins}", "token_type": "Bearer", "expires_in": 3599})

    def _hunt(self, asked):
        assert asked.keys() == {"Query", "Timespan"}
        assert all(instant(one) for one in asked["Timespan"].split("/"))
        try:
            rows = Kusto().run(asked["Query"], self.tables)
        except (NotTheLanguageError, KeyError) as error:
            return told(400, {"error": {"code": "BadRequest", "message": f"{error!r}"}})
        typed = [{**row, "ProcessId@odata.type": "#Int64", "Empty": ""} for row in rows]
        return told(200, {"schema": [], "results": typed})

    def _page(self, asked):
        since = instant(parsed(r"lastUpdateDateTime ge (.*)", asked["$filter"][0])[0])
        found = [one for one in self.alerts.values() if instant(one["lastUpdateDateTime"]) >= since]
        skip = int(asked.get("$skip", ["0"])[0])
        document = {"value": found[skip : skip + 2]}
        if skip + 2 < len(found):
            filtered = f"%24filter={asked['$filter'][0].replace(' ', '%20').replace(':', '%3A')}"
            document["@odata.nextLink"] = (
                f"https://elsewhere.example/v1.0/security/alerts_v2?{filtered}&%24skip={skip + 2}"
            )
        return told(200, document)

    def _alert(self, method, where, body):
        name, _, below = where.partition("/")
        alert = self.alerts.get(name)
        if alert is None:
            return told(404, {"error": {"code": "ResourceNotFound"}})
        if method == "PATCH" and not below:
            changed = json.loads(body)
            wanted = {"truePositive", "falsePositive", "informationalExpectedActivity"}
            if changed.keys() != {"classification"} or changed["classification"] not in wanted:
                return told(400, {"error": {"code": "BadRequest"}})
            alert.update(changed)
        elif method == "POST" and below == "comments":
            comment = json.loads(body)
            assert comment["@odata.type"] == "microsoft.graph.security.alertComment"
            alert["comments"].append({"comment": comment["comment"]})
        return told(200, alert)


class SplunkServer(Server):
    """Splunk's management port: oneshot searches and notables' reviews."""

    def __init__(self, tables=None):
        super().__init__()
        self.tables = {"notable": [], **(tables or {})}
        self.messages = []

    def answer(self, request, body):
        if request.headers.get("authorization") != f"Bearer {BEARER}":
            return told(401, {"messages": [{"type": "WARN", "text": "call not properly authenticated"}]})
        form = {name: value for name, (value,) in parse_qs(body.decode(), strict_parsing=True).items()}
        if request.path == "/services/notable_update":
            return self._update(form)
        assert request.path == "/services/search/jobs"
        assert (form["exec_mode"], form["output_mode"]) == ("oneshot", "json")
        first = float(form["earliest_time"])
        last = float("inf") if form["latest_time"] == "now" else float(form["latest_time"])
        try:
            rows = Spl().run(form["search"], first, last, self.tables)
        except (NotTheLanguageError, KeyError) as error:
            return told(400, {"messages": [{"type": "FATAL", "text": f"{error!r}"}]})
        return told(200, {"results": rows[: int(form["count"])], "messages": self.messages})

    def _update(self, form):
        found = [row for row in self.tables["notable"] if row["event_id"] == form["ruleUIDs"]]
        if not found or form["disposition"] not in {"disposition:1", "disposition:2", "disposition:3"}:
            return told(200, {"success": False, "message": "No event was updated"})
        found[0].setdefault("comment", []).append(form["comment"])
        found[0]["disposition"] = form["disposition"]
        return told(200, {"success": True, "message": "1 event updated successfully"})


class ElasticServer(Server):
    """Elasticsearch and Kibana at one address: ES|QL, the alerts' index, tags and notes."""

    def __init__(self, tables=None):
        super().__init__()
        self.tables, self.alerts, self.notes = tables or {}, {}, []
        self.partial = False

    def answer(self, request, body):
        if request.headers.get("authorization") != f"ApiKey {API_KEY}":
            return told(401, {"error": {"type": "security_exception"}, "status": 401})
        where = urlsplit(request.path)
        asked = json.loads(body) if body else {}
        if where.path == "/_query":
            return self._query(asked)
        if where.path == "/.alerts-security.alerts-default/_search":
            return told(200, {"hits": {"hits": self._search(asked)}})
        if request.headers.get("kbn-xsrf") is None:
            return told(400, {"statusCode": 400, "message": "Request must contain a kbn-xsrf header."})
        if where.path == "/api/detection_engine/signals/tags":
            return self._tag(asked)
        assert where.path == "/api/note"
        if request.command == "PATCH":
            self.notes.append(asked["note"])
            return told(200, {"data": {}})
        alert = parse_qs(where.query)["documentIds"][0]
        return told(200, {"notes": [one for one in self.notes if one["eventId"] == alert]})

    def _query(self, asked):
        try:
            rows = Esql().run(asked["query"], asked["params"], self.tables)
        except (NotTheLanguageError, KeyError, StopIteration) as error:
            return told(400, {"error": {"type": "parsing_exception", "reason": f"{error!r}"}, "status": 400})
        names = sorted({name for row in rows for name in row})
        columns = [{"name": name, "type": "keyword"} for name in names]
        values = [[row.get(name) for name in names] for row in rows]
        return told(200, {"columns": columns, "values": values, "is_partial": self.partial})

    def _search(self, asked):
        query = asked["query"]
        if "ids" in query:
            found = [one for one in query["ids"]["values"] if one in self.alerts]
        else:
            since = instant(query["range"]["@timestamp"]["gte"])
            found = [name for name, one in self.alerts.items() if instant(one["@timestamp"]) >= since]
        hits = [{"_id": name, "_source": self.alerts[name]} for name in found]
        return sorted(hits, key=lambda hit: hit["_source"]["@timestamp"])[: asked["size"]]

    def _tag(self, asked):
        tags = asked["tags"]
        assert tags.keys() == {"tags_to_add", "tags_to_remove"}
        for name in asked["ids"]:
            kept = self.alerts[name].setdefault("kibana.alert.workflow_tags", [])
            kept += [tag for tag in tags["tags_to_add"] if tag not in kept]
        return told(200, {"updated": len(asked["ids"]), "failures": []})
