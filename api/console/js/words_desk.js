// Words for the codes of alarms; part of the one table of words.

export const DESK_WORDS = {
  view: {
    open: ["全部未关闭", "All open"], unacknowledged: ["未确认", "Not acknowledged"], mine: ["我的", "Mine"],
    nobody: ["无人应答", "Nobody answered"], held: ["被屏蔽", "Hidden"], closed: ["已关闭", "Closed"],
  },
  case: {
    unacknowledged: ["未确认", "not acknowledged"], acknowledged: ["已确认", "acknowledged"],
    latched_unacknowledged: ["保持，未确认", "latched, not acknowledged"], latched_acknowledged: ["保持，已确认", "latched, acknowledged"],
    returned: ["已恢复，未确认", "over, not acknowledged"], returned_acknowledged: ["已恢复", "over"], closed: ["已关闭", "closed"],
  },
  held: {
    gateway_down: ["网关离线", "its gateway is down"], supply_off: ["上级断电", "the supply above is off"], maintenance: ["维护窗口", "maintenance window"],
    silence: ["静音", "silence"], shelved: ["已搁置", "shelved"], out_of_service: ["停用", "out of service"], flood: ["报警泛滥，汇总通知", "flood: told in a summary"],
  },
  verdict: {
    real: ["真实", "real"], unwanted: ["误报：灰尘、蒸汽、油烟", "unwanted: dust, steam, cooking"], equipment: ["设备故障", "faulty equipment"],
    malicious: ["恶意触发", "malicious"], good_intent: ["善意误报", "good intent"], test: ["测试", "test"], unknown: ["不明", "unknown"],
  },
  answer: { none: ["—", "—"], waiting: ["等待应答", "waiting for an answer"], answered: ["已应答", "answered"], nobody: ["无人应答", "nobody answered"], unreached: ["无人可通知", "nobody could be told"] },
  family: { fire: ["看到烟或火", "smoke or fire"], gas: ["闻到燃气", "smell of gas"] },
  changed: { added: ["新增", "added"], removed: ["删除", "removed"], changed: ["改变", "changed"] },
  matcher: {
    family: ["类别", "family"], rule: ["规则", "rule"], severity: ["级别", "severity"], subject: ["对象", "subject"], cause: ["原因", "cause"], park: ["园区", "park"],
    place: ["位置", "place"], device: ["设备", "device"], point: ["测点", "point"], gateway: ["网关", "gateway"], reason: ["缘由", "reason"],
  },
  transition: {
    condition: ["现象变化", "its condition changed"], finding: ["发现", "a finding"], device: ["设备状态变化", "the device's health changed"], person: ["人工", "a person"],
    link: ["通过一次性链接", "by a one-use link"], expired: ["到期", "a time is over"], suppression: ["屏蔽规则", "a rule of suppression"], timer: ["计时到", "a timer"],
    nobody_on_duty: ["无人值班", "nobody was on duty"], no_receiver: ["没有接收人，未通知任何人", "no receiver: nobody was told"], below_alarm: ["读数低于报警值", "the reading is below its alarm"], video_clear: ["视频确认无火", "video shows no fire"],
    confirmed_clear: ["现场确认无火情", "confirmed clear on site"], stale: ["历史数据，早已结束", "history that was read late"],
  },
  act: {
    acknowledge: ["确认", "Acknowledge"], confirm: ["确认属实…", "It is true…"], take: ["由我处理", "I take it"], assign: ["指派…", "Assign…"], shelve: ["搁置…", "Shelve…"],
    unshelve: ["取消搁置", "Take from the shelf"], remove: ["停用…", "Out of service…"], restore: ["恢复使用", "Back into service"], reset: ["复位…", "Reset…"], close: ["关闭…", "Close…"],
  },
  actAbout: {
    confirm: ["级别变为紧急，并再次通知所有人。", "It becomes critical and everybody is called again."],
    assign: ["由此人负责处理。", "This person answers for it from now on."],
    shelve: ["到期前不再通知，到期自动恢复。", "It calls nobody until then, and comes back by itself."],
    remove: ["检修期间不再通知，直到恢复使用。", "It calls nobody until it is put back into service."],
    reset: ["复位会结束此报警并记入日志，连同您的名字与原因（GB/T 45839 5.8.1）。请先到现场确认。", "A reset ends this alarm and enters the log with your name and reason (GB/T 45839, 5.8.1). Confirm on site first."],
    close: ["写明结论后关闭。", "Close it with what it was."],
  },
  verb: {
    trigger: ["报警", "raised"], join: ["又一设备报警", "a further device"], worsen: ["加重", "worse"], ease: ["减轻", "less severe"], latch: ["数值恢复，保持", "values are back, held"],
    return: ["恢复", "over"], acknowledge: ["确认", "acknowledged"], confirm: ["确认属实", "confirmed as true"], assign: ["指派", "assigned"], comment: ["留言", "comment"],
    attach: ["添加文件", "file added"], shelve: ["搁置", "shelved"], unshelve: ["取消搁置", "taken from the shelf"], shelf_end: ["搁置到期", "shelving is over"],
    suppress: ["屏蔽", "hidden"], unsuppress: ["取消屏蔽", "no longer hidden"], remove: ["停用", "out of service"], restore: ["恢复使用", "back into service"],
    escalate: ["升级通知", "escalated"], nobody: ["无人应答", "nobody answered"], realarm: ["再次通知", "told again"], reset: ["请求复位", "reset asked"], close: ["关闭", "closed"],
  },
  caseRule: {
    "fire.reported": ["人员报告火情", "Fire reported by a person"], "gas.reported": ["人员报告燃气", "Gas reported by a person"], "test.alarm": ["测试报警", "Alarm of a device in test"], flood: ["报警泛滥", "Flood of alarms"],
    "device.gateway_down": ["网关离线", "Gateway down"], "device.silent": ["设备静默", "Device silent"], "device.stuck": ["数值不变", "Values do not move"],
    "device.flapping": ["频繁上下线", "Device comes and goes"], "device.wrong_clock": ["设备时钟错误", "Device clock wrong"], "device.low_battery": ["电量低", "Battery low"],
    "device.online": ["设备恢复", "Device back"], "device.never_seen": ["从未上线", "Never seen"],
    "device.set_apart": ["消防设备仍在测试或维护中", "Fire device still in test or maintenance"],
    "finding.anomaly": ["异常用量或读数", "Unusual reading"], "finding.meter": ["表计异常", "Meter fault"], "finding.occupancy": ["客流计数异常", "People count off"],
  },
};
