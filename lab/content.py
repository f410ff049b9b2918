"""Made-up files of the made-up organisation: its web pages, its documents, its users' homes."""

import io
import json
import random
import tarfile

WORDS = (
    "budget turbine river harbour survey contract delivery schedule meeting valve permit station pump sample report "
    "signal quarter supplier bridge archive sensor grant draft review lease storage panel crew season forecast"
)
PAGES = ("index.html", "about.html", "contact.html", "news/2026-10.html", "news/2026-11.html", "docs/guide.html")
IMAGES = ("img/logo.png", "img/harbour.jpg", "img/team.jpg")


def files(seed: int) -> dict[str, bytes]:
    """Lay out every file of the victim, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - filler, not a secret
    laid_out = {f"/srv/www/public/{name}": _page(rng, name) for name in PAGES}
    laid_out |= {f"/srv/www/public/{name}": rng.randbytes(rng.randint(9_000, 45_000)) for name in IMAGES}
    laid_out |= {
        "/srv/www/public/css/site.css": b"body { font-family: sans-serif; margin: 2em; }\n",
        "/srv/www/public/robots.txt": b"User-agent: *\nDisallow: /docs/\n",
        "/srv/www/intranet/index.html": _page(rng, "intranet"),
        "/srv/www/intranet/rota.html": _page(rng, "rota"),
        "/srv/www/intranet/health.json": json.dumps({"status": "ok"}).encode(),
        "/srv/www/intranet/releases/site-1.4.2.tgz": _release(rng),
    }
    return laid_out | _documents(rng)


def _documents(rng: random.Random) -> dict[str, bytes]:
    documents = {f"/srv/shared/projects/scan-{n:02}.pdf": b"%PDF-1.4\n" + rng.randbytes(48_000) for n in range(12)}
    documents |= {f"/srv/shared/projects/offer-{n:02}.txt": _prose(rng, 400) for n in range(8)}
    documents["/srv/shared/reports/q3.pdf"] = b"%PDF-1.4\n" + rng.randbytes(420_000)
    documents["/srv/shared/reports/visits.csv"] = _table(rng)
    return documents


def _page(rng: random.Random, title: str) -> bytes:
    body = _prose(rng, rng.randint(80, 600)).decode()
    return f"<!doctype html>\n<title>{title}</title>\n<p>{body}</p>\n".encode()


def _prose(rng: random.Random, words: int) -> bytes:
    lines = [" ".join(rng.choices(WORDS.split(), k=12)) for _ in range(words // 12 + 1)]
    return ("\n".join(lines) + "\n").encode()


def _table(rng: random.Random) -> bytes:
    rows = [f"2026-{month:02},{rng.randint(100, 999)},{rng.choice(WORDS.split())}" for month in range(1, 13)]
    return ("month,visits,topic\n" + "\n".join(rows) + "\n").encode()


def _release(rng: random.Random) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        _add(
            archive, "site/post-install.sh", b"#!/bin/sh\ncp site/index.html current.html\ndate >installed-at\n", 0o644
        )
        _add(archive, "site/index.html", _page(rng, "release"), 0o644)
        _add(archive, "site/banner.jpg", rng.randbytes(30_000), 0o644)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = mode
    archive.addfile(member, io.BytesIO(content))
