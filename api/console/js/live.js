// The live stream. It says when it is lost, and since when; the browser resumes by Last-Event-ID, and where
// it gives up (an error status) we open anew with the same number.
//
//   connecting ──open──> live ──error, or nothing heard for 40 s──> lost ──open──> live (and all is asked anew)

const SILENT = 40_000; // ms: the server speaks at least every 15 s
const NAMES = ["condition", "finding", "device", "latest", "freshness", "activity", "alarm", "gap", "ping"];
const PAUSE = [1_000, 2_000, 4_000, 8_000, 15_000]; // ms between attempts of our own

export class Live {
  constructor(park, { now, onEvent, onState, onBack, onRefused }) {
    Object.assign(this, { park, now, onEvent, onState, onBack, onRefused });
    this.state = "connecting";
    this.since = null;
    this.last = null;
    this.attempts = 0;
    this.wasLive = false;
  }

  start() {
    this.open();
    this.watch = setInterval(() => {
      if (this.state === "live" && performance.now() - this.heard > SILENT) this.again();
    }, 2_000);
    this.offline = () => this.lost();
    addEventListener("offline", this.offline);
  }

  stop() {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    removeEventListener("offline", this.offline);
    this.source?.close();
    this.state = "stopped";
  }

  open() {
    const query = new URLSearchParams({ park: this.park });
    if (this.last !== null) query.set("after", this.last);
    const source = (this.source = new EventSource(`/api/v1/live?${query}`));
    source.onopen = () => {
      this.heard = performance.now();
      this.attempts = 0;
      const back = this.wasLive;
      this.wasLive = true;
      this.move("live");
      if (back) this.onBack();
    };
    source.onerror = () => {
      this.lost();
      if (source.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
      this.onRefused();
      this.again();
    };
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        this.heard = performance.now();
        if (this.state === "lost" && source === this.source) { // the network said it was gone, and was not
          this.move("live");
          this.onBack();
        }
        if (event.lastEventId) this.last = event.lastEventId;
        if (name === "gap") this.onBack();
        else if (name !== "ping") this.onEvent(name, JSON.parse(event.data));
      });
    }
  }

  lost() {
    if (this.state !== "stopped") this.move("lost");
  }

  /** Give the connection up and try anew, a little later each time. */
  again() {
    this.lost();
    this.source?.close();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), PAUSE[Math.min(this.attempts++, PAUSE.length - 1)]);
  }

  move(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = this.now();
    this.onState();
  }
}
