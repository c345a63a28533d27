"""Fire beside the bulk lane: from the message on the wire to the event in a live client's hands."""

import json
import subprocess
import sys
import time
import urllib.request

from bench.platform import ROOT, Platform


class FireWatch:
    """A process of its own that raises and resets one detector and listens as a live page does."""

    def __init__(self, running: Platform) -> None:
        self._running = running

    def __enter__(self) -> "FireWatch":
        command = [sys.executable, "-m", "bench.fire", str(self._running.mqtt), str(self._running.http)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def stop(self) -> list[float]:
        """End it and return the latencies, ms."""
        out, _ = self._process.communicate(b"stop\n", timeout=30)
        return json.loads(out)

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Raise the detector about four times a second until told to stop; print the latencies."""
    import threading

    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    mqtt, http = int(sys.argv[1]), int(sys.argv[2])
    raised, seen, over = {}, {}, threading.Event()

    def listen() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/v1/live", timeout=120) as stream:
            for line in stream:
                if line.startswith(b"data:") and b'"fire' in line:
                    event = json.loads(line[5:])
                    if event.get("state") in ("active", "latched"):
                        seen.setdefault(event.get("ts"), time.monotonic())

    threading.Thread(target=listen, daemon=True).start()
    client = Client(CallbackAPIVersion.VERSION2, "bench-fire", protocol=MQTTv5)
    client.connect("127.0.0.1", mqtt)
    client.loop_start()
    threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
    time.sleep(2)
    topic = "parks/bench/life/-/smoke1"
    while not over.is_set():
        ts = time.time_ns() // 1_000_000  # noqa: TID251 - devices have clocks
        raised[ts] = time.monotonic()
        client.publish(topic, json.dumps({"ts": ts, "v": {"smoke": True}}), 1)
        over.wait(0.15)
        client.publish(topic, json.dumps({"ts": ts + 1, "v": {"smoke": False}}), 1)
        over.wait(0.1)
    time.sleep(5)  # whatever is still on its way
    client.loop_stop()
    print(json.dumps([round((seen[t] - raised[t]) * 1000, 3) if t in seen else 1e9 for t in raised]), flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
