// The page put together: who asks, which park, which page, and the stream that keeps it up.

import { AlarmPage } from "./alarmpage.js";
import { AlarmsPage } from "./alarmspage.js";
import { all, get, onKeyNeeded, Problem } from "./api.js";
import { ChainsPage } from "./chainspage.js";
import { DeliveryPage } from "./deliverypage.js";
import { askKey, toast } from "./dialogs.js";
import { framed, h, put } from "./dom.js";
import { DrillPage } from "./drillpage.js";
import { DrillsPage } from "./drillspage.js";
import { DutyPage } from "./dutypage.js";
import { Elsewhere, LOOK } from "./elsewhere.js";
import { FiguresPage } from "./figurespage.js";
import { FindingPage } from "./findingpage.js";
import { FindingsPage } from "./findingspage.js";
import { now, tick } from "./format.js";
import { FirmsPage } from "./firmspage.js";
import { HazardPage } from "./hazardpage.js";
import { HazardsPage } from "./hazardspage.js";
import { Header } from "./header.js";
import { HiddenPage } from "./hiddenpage.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { why } from "./panel.js";
import { ParkPage } from "./parkpage.js";
import { QuarantinePage } from "./quarantinepage.js";
import { route, toPage, toPark } from "./route.js";
import { RoundPage } from "./roundpage.js";
import { RoundsPage } from "./roundspage.js";
import { RulesPage } from "./rulespage.js";
import { conditionText } from "./say.js";
import { t } from "./texts.js";
import { UnitPage } from "./unitpage.js";

const SECOND = 1_000;
const FRESHNESS = 10; // s between looks at what no event tells
const TRENDS = 300;
const MAP = 60; // tenants and names change rarely

const main = document.getElementById("main");
const announce = document.getElementById("announce");
const header = new Header(document.getElementById("header"), document.getElementById("notice"));
const elsewhere = new Elsewhere(document.getElementById("elsewhere"), announce);
const app = { session: null, parks: [], model: null, live: null, page: null };

const drawCounts = framed(() => header.drawCounts()); // a filter that is being pressed stays where it is
const drawHeader = () => header.draw({ parks: app.parks, model: app.model, live: app.live, onLanguage: drawAll });

// A page of a park by its word in the address; any other word is the park itself.
const PAGES = {
  alarms: (model) => new AlarmsPage(model),
  alarm: (model, item) => new AlarmPage(model, item),
  hidden: (model) => new HiddenPage(model),
  figures: (model) => new FiguresPage(model),
  duty: (model) => new DutyPage(model),
  chains: (model) => new ChainsPage(model),
  delivery: (model) => new DeliveryPage(model),
  rounds: (model) => new RoundsPage(model),
  round: (model, item) => new RoundPage(model, item),
  hazards: (model) => new HazardsPage(model),
  hazard: (model, item) => new HazardPage(model, item),
  drills: (model) => new DrillsPage(model),
  drill: (model, item) => new DrillPage(model, item),
  findings: (model) => new FindingsPage(model),
  finding: (model) => new FindingPage(model),
  firms: (model) => new FirmsPage(model),
  rules: (model) => new RulesPage(model),
  quarantine: (model) => new QuarantinePage(model),
};

/** Draw the page that the address names. */
function drawPage() {
  const { unit, page, item } = route();
  app.page?.close();
  app.page = unit ? new UnitPage(app.model, unit) : Object.hasOwn(PAGES, page) ? PAGES[page](app.model, item) : new ParkPage(app.model);
  put(main, app.page.root);
  app.page.start();
  drawHeader();
}

function drawAll() {
  document.getElementById("skip").textContent = t("skip");
  drawHeader();
  if (app.model) drawPage();
  header.tick();
}

function openPark(park) {
  app.live?.stop();
  const model = (app.model = new Model(park, app.session));
  app.live = new Live(park, {
    now,
    onEvent: (name, event) => model.take(name, event),
    onState: () => drawHeader(),
    onBack: () => model.loadAll().then(() => model.tell("refetched")),
    onRefused: () => get("/session").catch(() => {}), // where the session has ended, the key is asked for
  });
  model.on((topic, what) => {
    if (topic === "conditions") drawCounts();
    if (topic === "map") drawHeader();
    if (topic === "devices") header.drawApart();
    if (topic === "changed") say(model, what);
  });
  app.live.start(); // before the calls, so that nothing falls between them
  model.loadAll();
}

/** Tell those who do not see the page: a new alarm, or the end of one. */
function say(model, change) {
  const text = conditionText(model, change);
  announce.textContent = change.state === "cleared" ? t("overAlarm", { text }) : t("newAlarm", { text });
  if (change.state === "cleared") toast(announce.textContent);
}

/** The way that a message gives, #/alarms/12, names no park: its alarm knows it. */
async function fromMessage() {
  const asked = location.hash;
  const [known, key] = /^#\/alarms(?:\/(\d{1,15}))?$/u.exec(asked) ?? [];
  if (!known) return false;
  const here = app.model?.park || app.parks[0].id;
  const alarm = key ? await get(`/alarms/${key}`).catch((problem) => {
    if (!(problem instanceof Problem)) throw problem;
    return null; // the page of the alarm says itself why it is not to be had
  }) : null;
  if (location.hash === asked) location.replace(key ? toPage(alarm?.park || here, "alarm", Number(key)) : toPage(here, "alarms"));
  return true;
}

async function follow() {
  if (await fromMessage()) return; // the address that it leads to is followed
  const { park } = route();
  const wanted = park || app.model?.park || app.parks[0]?.id;
  if (!wanted) return;
  if (!park) {
    history.replaceState(null, "", `${location.pathname}${location.search}${toPark(wanted)}`);
  }
  if (app.model?.park !== wanted) openPark(wanted);
  elsewhere.look(app.parks, wanted);
  drawPage();
  scrollTo(0, 0);
}

async function start() {
  onKeyNeeded(askKey);
  drawAll();
  try {
    app.session = await get("/session");
    app.parks = await all("/parks");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const text = problem.status === 403 ? t("forbiddenState", { why: why(problem) }) : t("errorState", { why: why(problem) });
    put(main, h("p", { cls: "state error", role: "alert" }, text, " ", h("button", { type: "button", onclick: start }, t("retry"))));
    return;
  }
  if (!app.parks.length) {
    put(main, h("p", { cls: "state empty" }, t("noParks")));
    return;
  }
  addEventListener("hashchange", follow);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address says where we are in the park, not in the page
    main.focus();
  });
  let seconds = 0;
  setInterval(() => {
    tick();
    header.tick();
    if (app.live?.state === "lost") header.drawNotice();
    seconds += 1;
    if (seconds % LOOK === 0) elsewhere.look(app.parks, app.model?.park);
    if (document.hidden || app.live?.state !== "live") return;
    if (seconds % FRESHNESS === 0) {
      app.model.load("freshness");
      app.model.again();
    }
    if (seconds % TRENDS === 0) app.model.load("trends");
    if (seconds % MAP === 0) ["map", "devices"].forEach((part) => app.model.load(part)); // modes of devices are in no event
  }, SECOND);
  follow();
}

start();
