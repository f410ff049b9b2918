"""Twenty minutes of ordinary work, the same for the same seed."""

import random

from lab.actions import Action, Run, Session, by_key, by_password, copy_from
from lab.victim import USERS

# The timetable is written for 22 minutes and stretched to the length asked for.
PLANNED_S = 1320.0
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
)
CRAWLER = "Mozilla/5.0 (compatible; ExampleSearchBot/2.1; +http://search.example.com/bot.html)"
BROWSERS = {
    "pc-amara": FIREFOX,
    "pc-bruno": CHROME,
    "pc-chen": FIREFOX,
    "pc-dana": CHROME,
    "visitor-1": SAFARI,
    "visitor-2": CHROME,
    "visitor-3": FIREFOX,
}
PAGES = ("", "about.html", "contact.html", "news/2026-10.html", "news/2026-11.html", "docs/guide.html")
EXTRAS = ("css/site.css", "img/logo.png", "img/harbour.jpg", "img/team.jpg", "favicon.ico", "news/2025-12.html")
LOOKED_UP = ("printer", "mail", "ns1", "wpad")  # nobody has wpad: an ordinary NXDOMAIN
PASSWORDS = {user.name: user.password for user in USERS}

AMARA = (
    ("cd site", "git status", "sed -i 's/river/coast/' about.html", "git --no-pager diff --stat",
     "git commit -qam 'Coast page'", "git --no-pager log --oneline -3"),
    ("ls -l site", "cd site", "grep -c harbour index.html", "echo 'call the printer' >> ~/notes.txt", "cat ~/notes.txt",
     "curl -sI http://www.example.org/about.html"),
    ("cd site", "cp about.html about-draft.html", "sed -i 's/pump/valve/' about-draft.html", "git add about-draft.html",
     "git commit -qm 'Draft'", "git status -s"),
)  # fmt: skip
BRUNO = (
    ("df -h", "ls -lh /srv/shared/reports", "head -3 /srv/shared/reports/visits.csv",
     "sort -t, -k2 -n /srv/shared/reports/visits.csv | tail -3", "crontab -l"),
    ("tail -n 20 /var/log/nginx/access.log | wc -l", "grep -c ' 404' /var/log/nginx/access.log", "cat counts.txt",
     "du -sh /srv/shared/reports"),
    ("cut -d, -f2 /srv/shared/reports/visits.csv > v.txt", "wc -l v.txt", "sort -n v.txt | tail -1", "rm v.txt"),
)  # fmt: skip
CHEN = (
    ("uptime", "df -h", "free -m", "ss -tln", "sudo tail -n 15 /var/log/auth.log",
     "sudo tar czf /srv/backup/www.tgz -C /srv/www .", "sudo ls -lh /srv/backup"),
    ("ps aux --sort=-rss | head -5", "id deploy", "sudo crontab -l -u deploy", "sudo nginx -t",
     "sudo du -sh /var/log/nginx"),
    ("uname -r", "ip -br addr", "sudo tail -n 15 /var/log/auth.log", "find /usr/bin -perm -4000 -type f",
     "sudo cat /etc/sudoers.d/ops"),
)  # fmt: skip
DANA = (
    ("ls /srv/shared/projects", "head -4 /srv/shared/projects/offer-02.txt",
     "grep -l turbine /srv/shared/projects/*.txt"),
    ("wc -w /srv/shared/projects/*.txt", "cp /srv/shared/projects/offer-03.txt .",
     "sed -i 's/lease/rent/' offer-03.txt", "ls -l"),
)  # fmt: skip
RELEASE = (
    "mkdir -p app && cd app && curl -fsS -o site.tgz http://intranet.example.org/releases/site-1.4.2.tgz && "
    "tar xzf site.tgz && chmod +x site/post-install.sh && site/post-install.sh"
)


def schedule(seed: int, length_s: float) -> list[Action]:
    """Lay out the benign actions, each with its second since the start."""
    rng = random.Random(seed)  # noqa: S311 - a timetable, not a secret
    planned = _sessions(rng) + _releases() + _browsing(rng) + _lookups(rng)
    scale = length_s / PLANNED_S
    return sorted((_scaled(action, scale) for action in planned), key=lambda action: action.at_s)


def _scaled(action: Action, scale: float) -> Action:
    if isinstance(action, Session):
        return Session(action.at_s * scale, action.node, action.argv, action.lines, action.pause_s)
    return Run(action.at_s * scale, action.node, action.argv)


def _sessions(rng: random.Random) -> list[Action]:
    typed = "Harbour-quill-82"  # amara's password with the wrong capitals
    planned: list[Action] = [
        Run(35, "pc-amara", by_password("amara", typed, "true")),
        Run(395, "pc-dana", by_password("dana", "autumn20266", "true")),
        Run(905, "vpn-amara", by_password("amara", typed, "true")),
    ]
    planned += [_by_password(rng, at, "pc-amara", "amara", AMARA) for at in (42, 330, 640)]
    planned += [_by_password(rng, at, "vpn-amara", "amara", AMARA) for at in (915, 1130)]
    planned += [_by_password(rng, at, "pc-dana", "dana", DANA) for at in (60, 402, 1010)]
    planned += [_by_key(rng, at, "pc-bruno", "bruno", BRUNO) for at in (20, 170, 310, 520, 660, 790, 930, 1060, 1180)]
    planned += [_by_key(rng, at, "pc-chen", "chen", CHEN) for at in (90, 290, 450, 600, 720, 850, 980, 1200)]
    return [*planned, Run(180, "pc-chen", copy_from("chen", "/srv/shared/reports/q3.pdf"))]


def _by_password(rng: random.Random, at_s: float, node: str, user: str, work: tuple[tuple[str, ...], ...]) -> Session:
    argv = by_password(user, PASSWORDS[user], terminal=True)
    return Session(at_s, node, argv, rng.choice(work), rng.uniform(3.0, 9.0))


def _by_key(rng: random.Random, at_s: float, node: str, user: str, work: tuple[tuple[str, ...], ...]) -> Session:
    return Session(at_s, node, by_key(user, terminal=True), rng.choice(work), rng.uniform(3.0, 9.0))


def _releases() -> list[Action]:
    return [Run(at, "ci-runner", by_key("deploy", RELEASE)) for at in (150, 690, 1090)]


def _browsing(rng: random.Random) -> list[Action]:
    planned: list[Action] = []
    for node, agent in BROWSERS.items():
        at_s = rng.uniform(2, 90)
        while at_s < PLANNED_S - 40:
            planned.append(_visit(rng, at_s, node, agent))
            at_s += rng.uniform(60, 160)
    crawl = [f"http://www.example.org/{path}" for path in ("robots.txt", *PAGES[1:5])]
    planned += [Run(at, "crawler", _browse(CRAWLER, crawl)) for at in (300, 870)]
    return planned


def _lookups(rng: random.Random) -> list[Action]:
    nodes = [*(node for node in BROWSERS if node.startswith("pc-")), "web-01"]
    times = [rng.uniform(5, PLANNED_S - 30) for _ in range(24)]
    return [Run(at, rng.choice(nodes), ("getent", "ahostsv4", f"{rng.choice(LOOKED_UP)}.example.org")) for at in times]


def _visit(rng: random.Random, at_s: float, node: str, agent: str) -> Run:
    paths = [*rng.sample(PAGES, k=rng.randint(1, 2)), *rng.sample(EXTRAS, k=rng.randint(1, 3))]
    urls = [f"http://www.example.org/{path}" for path in paths]
    if node.startswith("pc-") and rng.random() < 0.5:  # noqa: PLR2004 - every other visit
        urls.append(f"http://intranet.example.org/{rng.choice(('', 'rota.html'))}")
    return Run(at_s, node, _browse(agent, urls))


def _browse(agent: str, urls: list[str]) -> tuple[str, ...]:
    return ("curl", "-sS4", "--rate", "40/m", "-A", agent, *urls)
