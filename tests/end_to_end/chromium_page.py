"""Opens pages in headless Chromium, through its DevTools protocol over a pair of pipes, and tells what
they did: what was drawn, what they complained of, what they asked the network for."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class Browser:
    """One Chromium with a profile of its own; both are gone at the end of the `with`."""

    def __init__(self, javascript=True):
        self._javascript = javascript
        self._number = 0
        self._events = []
        self._unread = b""

    def __enter__(self):
        self._profile = tempfile.mkdtemp(prefix="holdfast-chromium.")
        commands_in, self._commands = os.pipe()
        self._answers, answers_out = os.pipe()
        # Chromium reads its commands from descriptor 3 and answers on 4, which may be in use here.
        high_in = fcntl.fcntl(commands_in, fcntl.F_DUPFD, 100)
        high_out = fcntl.fcntl(answers_out, fcntl.F_DUPFD, 100)
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                   "--disable-default-apps", "--disable-sync", "--disable-extensions", "--mute-audio",
                   "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
                   f"--user-data-dir={self._profile}", "about:blank"]
        words = " ".join(f"'{word}'" for word in command)
        self._process = subprocess.Popen(["bash", "-c", f"exec {words} 3<&{high_in} 4>&{high_out}"],
                                         pass_fds=[high_in, high_out], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         env={**os.environ, "HOME": self._profile}, start_new_session=True)
        for fd in (commands_in, answers_out, high_in, high_out):
            os.close(fd)
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close", wait=5)
            self._process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, 9)
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _receive(self, until):
        """The next message, or None when the time is up."""
        while b"\0" not in self._unread:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return None
            got = os.read(self._answers, 1 << 20)
            if not got:
                raise RuntimeError("chromium ended")
            self._unread += got
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, wait=60, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + wait
        while True:
            answer = self._receive(until)
            if answer is None:
                raise RuntimeError(f"chromium does not answer {method}")
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._events.append(answer)

    def open(self, path, width=1280, height=900, dark=False, phone=False):
        return Tab(self, path, width, height, dark, phone, self._javascript)

    def take_events(self, session):
        mine = [event for event in self._events if event.get("sessionId") == session]
        self._events = [event for event in self._events if event.get("sessionId") != session]
        return mine


class Tab:
    """A page that was opened, and has drawn its charts if it has any and may."""

    def __init__(self, browser, path, width, height, dark, phone, javascript):
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.scheme(dark)
        if not javascript:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        until = time.monotonic() + 60
        done = "document.readyState === 'complete' && (document.documentElement.dataset.charts !== undefined)"
        while javascript and not self.value(done):
            if time.monotonic() > until:
                break
            time.sleep(0.1)
        if not javascript:
            time.sleep(1)

    def call(self, method, **parameters):
        return self._browser.call(method, session=self._session, **parameters)

    def scheme(self, dark):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def picture(self, path, whole=True):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def drag(self, x, y, to_x, to_y):
        def mouse(kind, at_x, at_y, buttons):
            self.call("Input.dispatchMouseEvent", type=kind, x=at_x, y=at_y, button="left", buttons=buttons, clickCount=1)
        mouse("mousePressed", x, y, 1)
        for step in range(1, 6):
            mouse("mouseMoved", x + (to_x - x) * step / 5, y + (to_y - y) * step / 5, 1)
        mouse("mouseReleased", to_x, to_y, 0)

    def touch(self, kind, *points):
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])

    def complaints(self):
        """Everything on the console, every uncaught exception, every refusal of the browser."""
        self.value("1")
        found = []
        for event in self._browser.take_events(self._session):
            parameters = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append("exception: " + json.dumps(parameters["exceptionDetails"])[:600])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append("console: " + json.dumps(parameters["args"])[:600])
            elif event["method"] == "Log.entryAdded":
                found.append("log: " + json.dumps(parameters["entry"])[:600])
            elif event["method"] == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith(("file://", "data:")):
                    found.append("asked the network for " + url)
        return found
