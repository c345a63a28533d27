// Every sentence of the pages, in Chinese and English. One table; a test holds both columns complete.

import { DESK_TEXTS } from "./texts_desk.js";
import { DUTY_TEXTS } from "./texts_duty.js";
import { FINDING_TEXTS } from "./texts_findings.js";
import { OFFICE_TEXTS } from "./texts_office.js";

export const TEXTS = {
  title: ["园区平台", "Park platform"],
  skip: ["跳到内容", "Skip to content"],
  language: ["English", "中文"],
  languageAbout: ["Switch to English", "切换到中文"],
  theme: ["明暗", "Theme"],
  signOut: ["退出", "Sign out"],
  second: ["秒", "s"],
  minute: ["分", "min"],
  hour: ["小时", "h"],
  day: ["天", "d"],
  connecting: ["正在连接", "Connecting"],
  live: ["实时", "Live"],
  lost: ["已断开", "Disconnected"],
  since: ["自 {at}", "since {at}"],
  lostNotice: ["实时连接自 {at} 起断开（{age}）。以下是断开时的数值，不是现在的。正在重连。", "The live stream is lost since {at} ({age}). What you see is as it was then, not as it is now. Reconnecting."],
  elsewhere: ["{park}：{what}，{at} 起。去看", "{park}: {what}, since {at}. Go there"],
  elsewhereMore: ["其他园区还有 {n} 起", "{n} more in other parks"],
  unknownPark: ["未知园区", "Unknown park"],
  parkTime: ["园区时间", "Park time"],
  severityCounts: ["当前报警按级别", "Standing alarms by severity"],
  onlySeverity: ["只看{severity}", "Show {severity} only"],
  trail: ["位置", "Place"],
  map: ["园区平面", "Park plan"],
  mapAbout: ["园区平面图：方向键在单元间移动，回车打开。", "Plan of the park: arrow keys move between units, Enter opens one."],
  legend: ["图例", "Legend"],
  legendNormal: ["正常", "Normal"],
  legendSilent: ["设备静默", "Devices silent"],
  legendVacant: ["空置", "Vacant"],
  vacant: ["空置", "Vacant"],
  floor: ["{n} 层", "Floor {n}"],
  unitCount: ["{n} 个单元", "{n} units"],
  letCount: ["{n} 已租", "{n} let"],
  feeds: ["七类数据", "Seven feeds"],
  newest: ["最新", "Newest"],
  points: ["测点", "Points"],
  liveOfTotal: ["{live}/{total} 测点在线", "{live}/{total} points live"],
  noPoints: ["未接入", "Not connected"],
  lastHour: ["上一小时", "last hour"],
  hourFrom: ["{time} 起一小时", "hour from {time}"],
  versusYesterday: ["昨日同时 {value}", "yesterday {value}"],
  trendAbout: ["近 24 小时，浅线为前一日", "last 24 h; faint: the day before"],
  alarms: ["当前报警", "Standing alarms"],
  noAlarms: ["没有报警。", "No standing alarms."],
  noAlarmsOf: ["没有{severity}级报警。", "No standing alarms of severity {severity}."],
  hidden: ["另有 {n} 条未显示", "{n} more are hidden"],
  showAll: ["全部显示", "Show all"],
  showLess: ["收起", "Show less"],
  clearFilter: ["取消筛选", "Clear filter"],
  findings: ["近期发现", "Latest findings"],
  episodes: ["异常记录", "Unusual values"],
  noEpisodes: ["没有异常记录。", "Nothing unusual so far."],
  underWay: ["仍在持续", "still going on"],
  episodeTrue: ["属实", "True"],
  episodeFalse: ["误报", "False"],
  episodeNote: ["备注", "Note"],
  episodeMark: ["这条异常是否属实", "Was it worth telling"],
  similarEpisodes: ["以往相似：", "Like it before:"],
  togetherEpisodes: ["同一单元同时：", "In this unit at the same time:"],
  learningPoint: ["仍在学习平时规律", "what is usual is still being learned"],
  usualRange: ["平时 {low} – {high}", "usually {low} – {high}"],
  noFindings: ["近期没有发现。", "Nothing found lately."],
  health: ["设备健康", "Device health"],
  noTroubled: ["所有设备正常。", "All devices are well."],
  noDevices: ["没有设备。", "No devices."],
  devices: ["设备", "Devices"],
  lastSeen: ["末次消息", "Last message"],
  neverSeen: ["从未收到消息", "never heard from"],
  why: ["原因", "Why"],
  value: ["值", "Value"],
  valueLimit: ["{value}，限值 {limit}", "{value}, limit {limit}"],
  valueOnly: ["值 {value}", "{value}"],
  expected: ["{value}，预期 {low} 至 {high}", "{value}, expected {low} to {high}"],
  expectedWithin: ["{value}：{kind}，虽在此时平时的 {low} 至 {high} 之内", "{value}: {kind}, though within the usual {low} to {high}"],
  expectedOne: ["{value}，预期 {expected}", "{value}, expected {expected}"],
  unclaimed: ["未认领设备 {key}", "Unclaimed device {key}"],
  wholePark: ["园区", "Park"],
  reset: ["复位…", "Reset…"],
  resetTitle: ["复位报警", "Reset alarm"],
  resetAbout: ["复位会结束此报警并记入日志，连同您的名字与原因。请先到现场确认。", "A reset ends this alarm and enters the log with your name and reason. Confirm on site first."],
  resetReason: ["原因（必填）", "Reason (required)"],
  resetDo: ["复位", "Reset"],
  resetDone: ["复位已提交，按顺序生效。", "The reset is in the log and takes effect in order."],
  cancel: ["取消", "Cancel"],
  close: ["关闭", "Close"],
  signInTitle: ["登录", "Sign in"],
  signInAbout: ["此平台需要密钥。密钥换成浏览器会话，不会保存在页面中。", "This platform needs a key. It is exchanged for a browser session and not kept in the page."],
  key: ["密钥", "Key"],
  signIn: ["登录", "Sign in"],
  wrongKey: ["密钥无效或已过期。", "This key is not valid, or no longer."],
  loading: ["正在载入", "Loading"],
  errorState: ["无法载入：{why}", "Cannot be loaded: {why}"],
  noAnswer: ["平台没有应答", "the platform does not answer"],
  retry: ["重试", "Try again"],
  forbiddenState: ["您的密钥不能查看此内容。{why}", "Your key may not see this. {why}"],
  staleState: ["{at} 的数据，更新失败", "As of {at}; the update failed"],
  missing: ["没有这个地方。", "There is no such place."],
  noParks: ["还没有园区。请先导入登记资料：park registry import。", "There is no park yet. Import a registry first: park registry import."],
  back: ["返回园区", "Back to the park"],
  tenant: ["租户", "Tenant"],
  trade: ["行业", "Trade"],
  area: ["面积", "Area"],
  headcount: ["人数", "Headcount"],
  building: ["楼栋", "Building"],
  leasedSince: ["租期起", "Lease since"],
  agreedOutput: ["约定产值", "Agreed output"],
  perYear: ["{n} 万元/年", "{n} × 10⁴ yuan a year"],
  contractedDemand: ["合同需量", "Contracted demand"],
  fireClass: ["火灾危险性", "Fire class"],
  permittedUse: ["许可用途", "Permitted use"],
  current: ["当前值", "Newest values"],
  metric: ["量", "Quantity"],
  ageHead: ["多久前", "Age"],
  quality: ["质量", "Quality"],
  chart: ["曲线", "Chart"],
  charts: ["曲线", "Charts"],
  noCharts: ["没有选中测点。请在当前值中选择。", "No point is chosen. Choose some among the newest values."],
  addChart: ["显示 {name} 曲线", "Chart {name}"],
  range: ["时段", "Range"],
  range1h: ["1 小时", "1 h"],
  range6h: ["6 小时", "6 h"],
  range24h: ["24 小时", "24 h"],
  range7d: ["7 天", "7 d"],
  range30d: ["30 天", "30 d"],
  range180d: ["180 天", "180 d"],
  goodShare: ["可信时长 {share}", "{share} good time"],
  keptBy: ["更细的数据已过保存期，按每 {step}显示", "finer readings are no longer kept: drawn by {step}"],
  noData: ["此时段没有数据。", "No readings in this range."],
  limitHigh: ["上限 {value}", "high limit {value}"],
  limitLow: ["下限 {value}", "low limit {value}"],
  minMeanMax: ["最小–最大带，均值线", "band: min to max; line: mean"],
  totals: ["每 {step} 合计", "total per {step}"],
  lastValue: ["每 {step} 末值", "last per {step}"],
  conditionsOfUnit: ["本单元报警", "Alarms of this unit"],
  noConditionsOfUnit: ["没有报警记录。", "No alarms on record."],
  ended: ["{at} 结束", "ended {at}"],
  newAlarm: ["新报警：{text}", "New alarm: {text}"],
  overAlarm: ["报警结束：{text}", "Alarm over: {text}"],
  silentOf: ["{n}/{total} 静默", "{n}/{total} silent"],
  adviceFireConfirmed: ["立即疏散，拨打 119，派人到现场", "Evacuate, call 119, send someone there now"],
  adviceFire: ["派人到现场核实", "Send someone to look"],
  adviceGas: ["勿动电气开关，通风，派人核实", "Touch no switches, ventilate, send someone to look"],
  activity: ["活跃度（一年）", "Activity, a year of days"],
  noActivity: ["还没有判定过的日子：每天 06:00 判定前一天。", "No day was judged yet: each is judged the next morning at 06:00."],
  stripAbout: ["一年的每一天，最近 {day}：{state}。方向键选择日期。", "A year of days, newest {day}: {state}. Arrow keys choose a day."],
  nDays: ["{n} 天", "{n} days"],
  stateSince: ["自 {day} 起", "since {day}"],
  shareOfUsual: ["{amount}，往常 {expected}，{share}", "{amount} of usually {expected}: {share}"],
  spells: ["过去一年的状态变化", "States of the past year"],
  papers: ["在册文件", "Papers on file"],
  noPapers: ["没有在册文件。", "No papers on file."],
  withdrawn: ["已撤回", "taken back"],
  adviceLimit: ["核对设备与现场", "Check the device and the place"],
};

const ALL = { ...TEXTS, ...DESK_TEXTS, ...DUTY_TEXTS, ...FINDING_TEXTS, ...OFFICE_TEXTS };
const LANGUAGES = ["zh", "en"];

export const lang = () => (document.documentElement.lang === "en" ? "en" : "zh");

/** A sentence in the present language, with its {gaps} filled. */
export function t(key, gaps = {}) {
  const text = ALL[key]?.[LANGUAGES.indexOf(lang())] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => gaps[name] ?? "");
}

/** What the platform says in English, by the sentence of the table that it is; as it came where it is none of them. */
export function translated(text, keys) {
  for (const key of keys) {
    const pattern = ALL[key][1].replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{(\w+)\}/g, "(?<$1>.+)");
    const found = new RegExp(`^${pattern}$`).exec(text);
    if (found) return t(key, found.groups);
  }
  return text;
}

/** Switch, and remember. */
export function setLang(name) {
  document.documentElement.lang = name === "en" ? "en" : "zh-CN";
  remember("lang", name);
}

export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage may be forbidden; the choice then lasts as long as the page
  }
}
