// What the API says of an error, on a page in the person's language: sentences that people meet are in the table, the
// rest is told by its kind, with the platform's own words behind it where they name what is to be mended.

import { lang } from "./texts.js";

// By status (RFC 9457 problems have the type of their status).
const KINDS = {
  400: "请求有误", 401: "需要密钥，或密钥已失效", 403: "您的密钥无权这样做", 404: "找不到", 405: "不支持这种操作",
  409: "已有变化，或与现状冲突", 413: "内容过大", 422: "填写有误", 429: "请求过于频繁，请稍后再试",
  500: "平台内部出错，日志中已记录", 503: "平台的某个部分暂时不可用，请稍后再试", 507: "空间不足，暂时无法保存",
};
const MENDED = new Set([400, 404, 409, 422]); // whose words say what a person may mend

const NOUNS = {
  alarm: "报警", hazard: "隐患", round: "检查", drill: "演练", plan: "计划", inspectionplan: "检查计划", officer: "人员",
  rota: "排班", chain: "升级链", silence: "静音", window: "维护窗口", target: "通知渠道", place: "位置", device: "设备",
  point: "测点", park: "园区", enterprise: "企业", paper: "证明", message: "消息", key: "密钥", episode: "异常", condition: "报警状态",
};

/** Sentences of the platform: a pattern of the whole, and what stands for it; {1}, {2} are what the pattern found. */
export const SENTENCES = [
  ["the (\\w+) (\\d+) (?:was )?changed meanwhile.*", "{1} {2} 刚被他人修改，请重新查看"],
  ["the rota (\\d+) has changed.*", "排班 {1} 刚被他人修改，请重新查看"],
  ["the rules were changed meanwhile.*", "规则刚被他人修改，请重新查看"],
  ["there is no (alarm|hazard|round|drill|plan|officer|rota|chain|target|place|device|point|park|enterprise|paper|message) (\\d+)", "没有{1} {2}"],
  ["there is no such (\\w+)", "没有这个{1}"],
  ["(.+) has acknowledged it already", "{1} 已经确认"],
  ["this alarm is over already", "此报警已结束"],
  ["this condition is over already", "此报警状态已结束"],
  ["the (\\w+) (\\d+) is over already", "{1} {2} 已结束"],
  ["it still stands: only its device's reset, or a named person's, ends it", "报警仍在持续：只能由设备复位，或由有权人员复位来结束"],
  ["it still stands: say why it is closed", "报警仍在持续：请说明为什么关闭"],
  ["say what it was: a verdict", "请选择结论：究竟是什么"],
  ["say why.*", "请说明原因"],
  ["a comment has words", "请填写备注"],
  ["it is not on the shelf", "此报警没有被搁置"],
  ["it is out of service already", "此报警已停用"],
  ["an alarm is shelved until a time within the next seven days", "搁置最多七天"],
  ["an alarm of life safety can be neither shelved nor taken out of service", "消防、燃气、一氧化碳报警不能搁置或停用"],
  ["there are (\\d+) files of it already|an alarm has at most (\\d+) attachments", "附件已满，最多 100 个"],
  ["the files of this park take ([\\d.]+) GB.*", "本园区附件已用满 {1} GB，不再接收；上限由设置 store.attachment_bytes 决定"],
  ["an attachment is one of .*", "只接收 JPEG、PNG、WebP、PDF 和文本"],
  ["this is no (.+)", "文件内容不是 {1}"],
  ["the body is larger than this call takes", "内容过大，超过此处的上限（照片和文件 5 MB）"],
  ["attach evidence of the re-inspection first.*", "请先上传复查证据：照片或报告"],
  ["who rectified a hazard does not re-inspect it", "整改人不能自己复查"],
  ["五落实 is not whole: .*", "五落实还不完整"],
  ["name at least one of 五落实", "五落实至少填写一项"],
  ["a time limit lies in the future, within a year", "整改期限须在今后一年之内"],
  ["an extension lies after the time limit that holds now", "延期须晚于现有期限"],
  ["the time limit of a hazard in rectification is moved by `extend`.*", "整改中的期限只能用“延期”修改，并写明原因"],
  ["this hazard is \\w+; .*", "隐患的状态已变，这一步现在不能做"],
  ["there is one of (?:alarm|round|episode):.* already", "已经由此转过隐患"],
  ["not answered yet: .*", "还有检查项没有填写"],
  ["this round is done already", "这次检查已完成"],
  ["this plan has ended already", "此计划已停止"],
  ["this drill is \\w+", "演练的状态已变，这一步现在不能做"],
  ["the drill (\\d+) \\((.*)\\) has some of these devices at that time", "演练 {1}（{2}）在这段时间已占用其中的设备"],
  ["this device has not alarmed yet", "该设备尚未报警"],
  ["a drill lasts from a minute to eight hours", "演练须为一分钟到八小时"],
  ["a drill ends in the future and begins within a year", "演练须在一年内开始，并在将来结束"],
  ["the chain (\\d+) \\((.*)\\) leads to this \\w+: change it first", "升级链 {1}（{2}）用到它，请先修改升级链"],
  ["the rota (\\d+) \\((.*)\\) names this officer: change it first", "排班 {1}（{2}）有此人，请先修改排班"],
  ["chains would go in a circle: .*", "升级链会首尾相接，形成循环"],
  ["there is a target (.+) already", "已有名为 {1} 的通知渠道"],
  ["the address is not public: .*", "该地址不是公网地址；如需使用，请在设置中允许 delivery.private_networks 或 delivery.loopback"],
  ["the address or the channel is another: .*", "地址或方式已改：请重新填写密钥，或留空"],
  ["the target is off, or has no address to be told at", "通知渠道已停用，或没有可通知的地址"],
  ["it ends after it begins, within a year", "结束须晚于开始，且在一年之内"],
  ["it would be over already", "结束时间已过"],
  ["name the place or the device that is worked on", "请选择正在维护的位置或设备"],
  ["another dry run is under way: wait for it", "另一次试算正在进行，请等它结束"],
  ["nothing is proposed(?: for point \\d+ any more)?", "已没有可采用的建议"],
  ["this is the table that holds already", "规则没有变化"],
  ["rules hold in all parks: .*", "规则对所有园区有效：需要覆盖所有园区的密钥"],
  ["the role (\\w+) may not do this .*", "角色 {1} 无权这样做"],
  ["too many wrong keys from this address", "错误密钥过多，请一分钟后再试"],
  ["this key is not valid, or no longer", "密钥无效，或已失效"],
  ["(\\d+) live clients are connected already", "实时连接已满（{1} 个）"],
].map(([pattern, text]) => [new RegExp(`^(?:${pattern})$`, "su"), text]);

/** What went wrong, as a person reads it; "" where the platform said nothing. */
export function explained(problem) {
  const said = problem.detail || problem.message || "";
  if (lang() !== "zh" || !(problem.status in KINDS)) return said;
  for (const [pattern, text] of SENTENCES) {
    const found = pattern.exec(said);
    if (found) return text.replace(/\{(\d)\}/g, (_, n) => NOUNS[found[n]] ?? found[n] ?? "");
  }
  return MENDED.has(problem.status) && said ? `${KINDS[problem.status]}（${said}）` : KINDS[problem.status];
}
