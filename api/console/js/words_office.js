// Words for the codes of the office, of duty and of delivery; part of the one table of words.

export const OFFICE_WORDS = {
  hazardView: { open: ["未销号", "Open"], overdue: ["超期", "Overdue"], inspect: ["待复查", "To re-inspect"], over: ["已结束", "Over"] },
  hazard: { found: ["已发现", "Found"], rectifying: ["整改中", "Being mended"], rectified: ["待复查", "Says mended"], closed: ["已销号", "Closed"], dismissed: ["不是隐患", "None"] },
  hazardWay: { found: ["发现，落实五项", "Found; settle the five"], rectifying: ["整改", "Rectification"], rectified: ["复查", "Re-inspection"], closed: ["销号", "Closed"] },
  grade: { general: ["一般隐患", "General"], major: ["重大隐患", "Major"] },
  category: {
    other: ["其他", "other"], escape: ["疏散通道", "escape routes"], change_of_use: ["擅改用途", "change of use"], illegal_building: ["违章搭建", "illegal building"],
    living_in: ["违规住人", "people living in"], sublet: ["转租", "sublet"],
  },
  five: { responsible: ["责任", "Who answers"], measures: ["措施", "Measures"], funds: ["资金", "Funds"], due: ["时限", "Time limit"], contingency: ["预案", "Until it is mended"] },
  hazardAct: {
    begin: ["开始整改", "Begin rectification"], done: ["报告整改完成…", "It is mended…"], approve: ["复查通过，销号…", "In order: close…"], reject: ["复查不通过…", "Not in order…"],
    extend: ["延期…", "Extend…"], dismiss: ["不是隐患…", "It is none…"], reopen: ["重新打开…", "Reopen…"],
  },
  hazardAbout: {
    begin: ["五项都已落实，开始整改。", "All five are settled; the work begins."], done: ["写明做了什么。之后由另一人复查。", "Say what was done. Another person re-inspects it."],
    approve: ["您已到现场复查，证据在附件中。销号后不再提醒。", "You have looked on site and the evidence is attached. Nobody is reminded after this."],
    reject: ["退回整改，写明还有什么不对。", "It goes back to be mended; say what is still wrong."], extend: ["延期需书面说明，记入经过。", "An extension is explained in writing and enters the history."],
    dismiss: ["写明为什么不是隐患。", "Say why it is none."], reopen: ["写明为什么重新打开。", "Say why it is opened again."],
  },
  hazardAsks: {
    done: ["做了什么（必填）", "What was done (required)"], reject: ["还有什么不对（必填）", "What is still wrong (required)"], extend: ["延期说明（必填）", "Explanation (required)"],
    dismiss: ["原因（必填）", "Reason (required)"], reopen: ["原因（必填）", "Reason (required)"],
  },
  hazardVerb: {
    find: ["发现", "found"], plan: ["落实五项", "five settled"], begin: ["开始整改", "rectification began"], extend: ["延期", "extended"], done: ["报告整改完成", "said to be mended"],
    approve: ["复查通过，销号", "re-inspected and closed"], reject: ["复查不通过", "re-inspected, not in order"], dismiss: ["不是隐患", "dismissed"], reopen: ["重新打开", "reopened"],
    comment: ["留言", "comment"], attach: ["添加文件", "file added"], escalate: ["催办", "people reminded"],
  },
  round: { due: ["待检查", "Due"], started: ["检查中", "Under way"], done: ["已完成", "Done"], missed: ["已错过", "Missed"] },
  roundVerb: { begin: ["开始", "begun"], due: ["到期", "came due"], answer: ["填写", "answered"], attach: ["添加文件", "file added"], finish: ["完成", "finished"], miss: ["错过", "missed"], create: ["新建", "made"] },
  every: { day: ["每日", "Daily"], week: ["每周", "Weekly"], month: ["每月", "Monthly"], quarter: ["每季度", "Quarterly"] },
  itemVerdict: { ok: ["正常", "In order"], fault: ["有问题", "Fault"], not_applicable: ["不适用", "Not here"] },
  drill: {
    planned: ["已计划", "Planned"], starting: ["正在开始", "Beginning"], running: ["进行中", "Running"], ending: ["正在结束", "Ending"], ended: ["已结束", "Ended"],
    cancelled: ["已取消", "Cancelled"], missed: ["已错过", "Missed"],
  },
  drillVerb: {
    plan: ["计划", "planned"], start: ["开始", "began"], mark: ["设备进入测试", "devices put into test"], notice: ["设备报警", "a device alarmed"], receive: ["通知送达", "people were told"],
    acknowledge: ["确认看到", "seen by a person"], end: ["时间到", "its time is over"], stop: ["提前结束", "stopped"], give_back: ["设备恢复", "devices given back"], cancel: ["取消", "cancelled"], miss: ["错过", "missed"],
  },
  drillStep: { device_to_alarm: ["设备到报警", "Device to alarm"], alarm_to_notification: ["报警到送达", "Alarm to people told"], notification_to_acknowledgement: ["送达到确认", "Told to seen"] },
  standing: { met: ["达标", "met"], over_target: ["超目标", "over target"], over_limit: ["超上限", "over limit"], unknown: ["未知", "not known"], none: ["无基准", "no benchmark"] },
  standingLeast: { met: ["达标", "met"], over_target: ["低于目标", "below target"], over_limit: ["低于下限", "below limit"], unknown: ["未知", "not known"], none: ["无基准", "no benchmark"] },
  weekday: { "0": ["周一", "Mon"], "1": ["周二", "Tue"], "2": ["周三", "Wed"], "3": ["周四", "Thu"], "4": ["周五", "Fri"], "5": ["周六", "Sat"], "6": ["周日", "Sun"] },
  language: { zh: ["中文", "Chinese"], en: ["英文", "English"] },
  channel: {
    dingtalk: ["钉钉", "DingTalk"], wecom: ["企业微信", "WeCom"], feishu: ["飞书", "Feishu"], webhook: ["Webhook", "Webhook"], alertmanager: ["Alertmanager", "Alertmanager"],
    sms: ["短信", "SMS"], voice: ["电话", "Voice call"], email: ["邮件", "E-mail"], sounder: ["声光报警器", "Sounder"],
  },
  delivery: { waiting: ["等待", "Waiting"], sending: ["发送中", "Sending"], sent_on: ["已分发", "Sent on"], delivered: ["已送达", "Delivered"], dead: ["未送达", "Dead"], cancelled: ["已取消", "Cancelled"] },
  messageKind: {
    raised: ["报警", "Raised"], again: ["再次报警", "Again"], worse: ["加重", "Worse"], escalated: ["升级通知", "Escalated"], nobody: ["无人应答", "Nobody answered"],
    returned: ["恢复", "Over"], summary: ["汇总", "Summary"], drill: ["演练或测试", "Drill or test"], hazard: ["隐患", "Hazard"],
  },
  refusal: {
    malformed: ["格式错误", "Malformed"], too_large: ["过大", "Too large"], too_deep: ["嵌套过深", "Too deep"], wrong_type: ["类型错误", "Wrong type"], not_finite: ["不是有限数", "Not finite"],
    no_dialect: ["主题无对应协议", "No dialect for its topic"], unknown_device: ["未知设备", "Unknown device"], unknown_metric: ["未知量", "Unknown quantity"], bad_time: ["时间无法读取", "Unreadable time"],
    far_future: ["时间在未来", "Far in the future"], far_past: ["时间太久以前", "Far in the past"], empty: ["空消息", "Empty"],
  },
};
