"""Which dotted words are names of hosts, and which are files, methods and fields.

Over-extraction is the safe side where something acts on the word; in prose it would mark every other line of a log.
"""

from collections.abc import Iterable

# Suffixes of file names that the root zone does not hold. `.sh`, `.py`, `.zip` are top-level domains and stay out.
_FILE_WORDS = (
    "bak bat bz2 cfg conf csv db dll doc docx elf exe gif gz htm html ini ipynb jpeg jpg js json jsonl key lock log"
    " msi ova pcap pdf pem php png ps1 rb rpm service socket sql sqlite svg tar tgz tmp toml txt vbs xls xlsx xml xz"
    " yaml yml"
)
# More of them, which count where something acts on them: hosts may bear some of these, files far more often do.
_PROSE_FILE_WORDS = (
    "apk asp aspx bin cab cgi cmd cpl crt css dat deb der dmg dmp docm dotm drv dump env evt evtx go hta ico"
    " iso jar java jsp lib lnk man map md mof msc ocx odt old out patch pfx pickle plist pol ppt pptx ps psd"
    " psm1 pub py pyc pyd reg rst rtf rules scr sct sh so src sys tex tsv vbe vmdk wsf xlsm xsl yar yara"
)
# Last parts of what programs and logs write with dots. The root zone bears a few; in prose these are not looked for.
_CODE_WORDS = (
    "action address alert args arguments array attr audit author base body bool buffer bytes channel char"
    " class client code collection command config connect console content context core count create created"
    " data debug decode default delete description dict dim directory discovery domain encode encoding entry"
    " error errors event exec execute execution exfiltration exists extension failed field fields file filename"
    " files filter find flags flat float format function get handler hash headers height hostname http id image"
    " impact index init input insert install instance invoke ip item items join keys kind kubernetes label"
    " length level line lines list listen load logger logon long main match message messages method mode module"
    " modules name names node none null number object objects open option options original output package"
    " packet param parameters parent parse password path payload persistence pid pipe pop port print printf"
    " process processor product properties property protocol provider push query raw read reason reconnaissance"
    " record ref regex register registry remote remove replace reply request resource response result results"
    " return role rule run runtime script sequence server session set setup shell signature size sleep sort"
    " source split start state status std stealth stop str stream string strings struct subject substring"
    " summary system table target task template text thread threat time timestamp title token total trim type"
    " types unsafe update upload uri url use user username utf util utils value values version void width"
    " window windows write writer"
)
# What ends most names. With these a name counts in any spelling, `Example.COM` too.
_COMMON_WORDS = (
    "com net org edu gov mil int info biz io co me tv cc ai app dev xyz top site online shop store club live"
    " icu cloud tech space website pro mobi asia int eu us uk de fr it es nl be ch at se no fi dk pl cz sk hu"
    " ro bg gr pt ie ru su ua by kz cn hk tw jp kr in sg my th vn id ph au nz ca mx br ar cl pe za ng ke eg il"
    " tr ir sa ae onion local internal lan corp home intranet example test invalid localhost arpa"
)
_SCRIPT_WORDS = "xn--p1ai xn--90ais xn--j1amh xn--fiqs8s xn--fiqz9s xn--j6w193g xn--kprw13d xn--3e0b707e xn--h2brj9c"
_FILES = frozenset(_FILE_WORDS.split())
_COMMON = frozenset(_COMMON_WORDS.split())
_SCRIPTS = frozenset(_SCRIPT_WORDS.split())
_NOT_IN_PROSE = frozenset((*_FILES, *_PROSE_FILE_WORDS.split(), *_CODE_WORDS.split()))
# What stands before a country's domain where names are given out one level lower, as in `example.co.id`.
_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "go", "gov", "net", "or", "org"))


def is_file(name: str) -> bool:
    """Tells whether a lower-case name ends in a suffix of files that no top-level domain bears."""
    return name.rpartition(".")[2] in _FILES


def speaks_of_a_name(name: str, written: str) -> bool:
    """Tells whether a dotted word of prose, canonical and as it was written, is the name of a host."""
    suffix = name.rpartition(".")[2]
    if not written.isascii():
        return suffix in _COMMON or suffix in _SCRIPTS or _mixed(written.rstrip(".").split("."))
    if suffix in _NOT_IN_PROSE:
        return len(suffix) == 2 and name.split(".")[-2] in _SECOND_LEVEL  # noqa: PLR2004 - letters of a country
    return suffix in _COMMON or written.islower() or written.isupper()


def _mixed(labels: Iterable[str]) -> bool:
    """Tells whether a label mixes ASCII letters with others: the look of a confusable."""
    return any(not label.isascii() and any("a" <= one <= "z" for one in label.lower()) for label in labels)
