"""Sound and film of a row in a real browser: played, sought and stopped by keyboard."""

from __future__ import annotations

import base64
import math
import struct
import wave
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from crowdflower.job import Job

CML = """
<video src="{{ film }}"></video> <audio src="{{ tone }}"></audio>
<cml:radios label="Clear?" name="clear" validates="required">
  <cml:radio label="yes"/> <cml:radio label="no"/>
</cml:radios>"""

RECORD = """async () => {
  const canvas = document.createElement("canvas"), brush = canvas.getContext("2d"), parts = [];
  let shade = 0;
  const painter = setInterval(() => {
    brush.fillStyle = `hsl(${(shade += 9)}, 80%, 50%)`;
    brush.fillRect(0, 0, canvas.width, canvas.height);
  }, 40);
  const recorder = new MediaRecorder(canvas.captureStream(25), {mimeType: "video/webm"});
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 1500));
  await new Promise(resolve => { recorder.onstop = resolve; recorder.stop(); });
  clearInterval(painter);
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""
"""Record a film of a second and a half; return it in base64."""

TIME = "each => each.currentTime"
IS_PAUSED = "each => each.paused"


@pytest.fixture
def folder(tmp_path: Path, chromium: Browser) -> Path:
    """A folder with ``film.webm``, and ``tone.wav`` of five seconds."""
    page = chromium.new_page()
    (tmp_path / "film.webm").write_bytes(base64.b64decode(page.evaluate(RECORD)))
    page.close()
    with wave.open(str(tmp_path / "tone.wav"), "wb") as tone:
        tone.setnchannels(1)
        tone.setsampwidth(2)
        tone.setframerate(8000)
        levels = (int(9000 * math.sin(each / 3)) for each in range(5 * 8000))
        tone.writeframes(b"".join(struct.pack("<h", level) for level in levels))
    return tmp_path


@pytest.fixture
def box(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(seed=5, files=folder) as box:
        yield box


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_recording_is_played_by_keyboard(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
    kind: str,
) -> None:
    job = box.client().create_job({"title": "Listen", "instructions": "Listen.", "cml": CML})
    row = {"film": "/label/files/film.webm", "tone": "/label/files/tone.wav"}
    job.upload([row] * 5)
    job.launch(channels=["cf_internal"])
    page = new_browser()
    page.goto(address(job))
    page.fill("#name", "Ada")
    page.keyboard.press("Enter")
    player = page.locator(kind).first

    player.focus()
    page.keyboard.press("Space")

    player.evaluate("each => new Promise(done => each.addEventListener('timeupdate', done))")
    assert not player.evaluate(IS_PAUSED)
    page.keyboard.press("Space")
    assert player.evaluate(IS_PAUSED)
    player.evaluate("""each => new Promise(done => {
        each.addEventListener("seeked", done);
        each.currentTime = 1;  // its bytes are asked for with a range
    })""")
    assert player.evaluate(TIME) == 1
    page.keyboard.press("1")  # keys are the player's while it has the focus
    assert page.locator("input[type=radio]:checked").count() == 0
    assert problems == []
