"""Section 6: the line protocol."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking, stored
from moment import fill
from side import query_request, write

DONE = Pin(204, text="")

GOOD_VALUES = [
    *("1", "1.", ".5", "-.5", "-5", "1E2", "1e-3", "1.5e+3", "01", "-0", "0.1", "123456789.123456789"),
    *("1e300", "4.9e-324", "0.30000000000000004", "1e21", "1e20", "100000000000000000000"),
    *("5i", "-5i", "0i", "9223372036854775807i", "-9223372036854775808i", "007i"),
    *("t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"),
    *(
        '"text"',
        '""',
        '"a \\"quote\\""',
        '"back\\\\slash"',
        '"a, b=c d"',
        '"two\nlines"',
        '"é ☃ 😀"',
        '"a\\b"',
        '"tab\tin"',
    ),
    *('"#"', '"it\'s"', '"\\n"'),
]
for number, value in enumerate(GOOD_VALUES):
    case(f"lines: {value!r}", stored(f"v{number} f={value} {{t}}", f"v{number}"), [DONE, Pin(200, rows=1)])

BAD_VALUES = {
    "+4": "invalid boolean",
    "NaN": "invalid number",
    "Inf": "invalid boolean",
    "1e400": None,
    "-": None,
    ".": None,
    "1e": None,
    "1x": "invalid number",
    "0x10": "invalid number",
    "1.5i": "invalid number",
    "5u": "invalid number",
    "9223372036854775808i": None,
    "-9223372036854775809i": None,
    "i": None,
    "tRue": "invalid boolean",
    "yes": "invalid boolean",
    "truee": "invalid boolean",
    "word": "invalid boolean",
    '"open': None,
    "'single'": "invalid boolean",
    "1 2 3": None,
    "": "missing field value",
}
for value, told in BAD_VALUES.items():
    text = fill(f"v f={value} {{t}}")
    error = None if told is None else f"unable to parse '{text}': {told}"
    case(f"lines: bad value {value!r}", asking(write(text)), Pin(400, error=error))

GOOD_LINES = {
    "a space first": " {m} f=1 {t}",
    "two spaces first": "  {m} f=1 {t}",
    "two spaces between": "{m}  f=1  {t}",
    "spaces at the end": "{m} f=1 {t}  ",
    "escaped tags": "{m},a\\,b\\ c\\=d=e\\,f\\ g\\=h f=1 {t}",
    "escaped field key": "{m} a\\,b\\ c\\=d=1 {t}",
    "a backslash in a tag": "{m},path=c:\\temp f=1 {t}",
    "tags in disorder": "{m},z=1,a=2,m=3 f=1 {t}",
    "a quote in a tag": '{m},a="b" f=1 {t}',
    "an umlaut in a tag": "{m},größe=häßlich f=1 {t}",
    "a repeated field": "{m} f=1,f=2 {t}",
    "a field named time": "{m} time=5,f=1 {t}",
    "a zero before the time": "{m} f=1 0{t}",
    "fields of all types": '{m} a=1,b=2i,c=t,d="x" {t}',
    "a # within": "{m} f=1 {t}\n # no comment\n",
    "a # in the key": "{m} #f=1 {t}",
    "an escaped newline before": '{m} a=1,b="x\ny",c=2 {t}',
}
for number, (name, text) in enumerate(GOOD_LINES.items()):
    measurement = f"l{number}"
    case(f"lines: {name}", stored(text.replace("{m}", measurement), measurement), [DONE, Pin(200, rows=1)])
for number, (name, key) in enumerate(
    {"a space": "e\\ 0", "a comma": "e\\,1", "an equals sign": "e=2", "a backslash": "e\\x3", "an é": "é4"}.items()
):
    look = query_request("SELECT * FROM /^(e|é).{1,2}" + str(number) + "$/", epoch="ns")
    case(f"lines: {name} in a measurement", asking(write(fill(f"{key} f=1 {{t}}")), look), [DONE, Pin(200)])
case("lines: a field named time alone", asking(write(fill("samples time=5 {t}"))), Pin(400))

BAD_LINES = {
    "no fields": ("samples", "missing fields"),
    "tags alone": ("samples,a=b", "missing fields"),
    "no field value": ("samples f", None),
    "no field key": ("samples =1", None),
    "a comma at the end": ("samples f=1,", None),
    "a comma first": (",a=b f=1", "missing measurement"),
    "an empty tag": ("samples,a= f=1", "missing tag value"),
    "no tag key": ("samples,=b f=1", "missing tag key"),
    "a comma before the space": ("samples, f=1", "missing tag key"),
    "a tag without value": ("samples,a f=1", "missing tag value"),
    "a repeated tag": ("samples,a=1,a=2 f=1", "duplicate tags"),
    "an unescaped = in a tag": ("samples,a=b=c f=1", None),
    "a tab": ("samples\tf=1", "missing fields"),
    "a fraction as time": ("samples f=1 1.5", "bad timestamp"),
    "a word as time": ("samples f=1 now", "bad timestamp"),
    "a quoted time": ('samples f=1 "1"', None),
    "a time of int64 and one": ("samples f=1 9223372036854775808", None),
    "a time of 30 digits": ("samples f=1 123456789012345678901234567890", None),
    "a minus alone as time": ("samples f=1 -", None),
    "a plus before the time": ("samples f=1 +5", None),
    "two times": ("samples f=1 5 6", None),
    "CRLF": ("samples f=1\r", None),
    "CRLF after a time": ("samples f=1 5\r", None),
    "spaces alone between": ("samples   ", None),
    "an equals sign alone": ("=", None),
    "JSON": ('{"a": 1}', None),
    "a long line": ("samples " + "x" * 5000, None),
}
for name, (text, told) in BAD_LINES.items():
    error = None if told is None else f"unable to parse '{text}': {told}"
    case(f"lines: bad, {name}", asking(write(text)), Pin(400, error=error))
case("lines: CRLF between", asking(write(fill("samples f=1 {t}\r\nsamples f=2 {m1}\r\n"))), Pin(400))
case("lines: a negative time", asking(write("samples f=1 -1000")), Pin(400))
case(
    "lines: no time",
    asking(write("nowish f=1"), query_request("SELECT COUNT(f) FROM nowish")),
    [Pin(204), Pin(200, rows=1)],
)
case(
    "lines: bytes that are not UTF-8, in a string",
    asking(write(b'bytes f="\xff\xfe"'), query_request("SELECT COUNT(f) FROM bytes")),
    [Pin(204), Pin(200)],
)
case("lines: bytes that are not UTF-8, as a name", asking(write(b"\xff\xfe")), Pin(400))
case("lines: a NUL", asking(write(b"a\x00b")), Pin(400))
