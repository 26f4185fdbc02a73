"""What the screen at the door says, in both languages. One neutral line; the wallet tells a person why (law 2).

Where the fault is in the code and not in the person, the line says what to do about the code.
"""

from pratique.core.text import Text
from pratique.gate.model import Pair

OUTCOMES = {
    "clear": Text("Enter", "请进"),
    "conditions": Text("Enter, with a condition", "请按提示进入"),
    "hold": Text("See your wallet", "请查看您的卡包"),
    "see_staff": Text("See staff", "请找工作人员"),
    "staff": Text("Enter", "请进"),
    "annulled": Text("Not entered: please show your code again", "未通过：请重新出示"),
}

REASONS: dict[Pair, Text] = {
    ("clear", "pass"): Text("Enter", "请进"),
    ("clear", "paper"): Text(
        "Enter. Paper or foreign certificate: staff may ask for a document",
        "请进。纸质或外来凭证：工作人员可能核对证件",
    ),
    ("conditions", "pass"): Text("Enter. Your wallet shows the condition", "请进。请按卡包中的提示行事"),
    ("hold", "policy"): Text("See your wallet: it says why and what to do", "请查看您的卡包：内有原因和办法"),
    ("hold", "expired"): Text("This pass has run out: refresh your wallet", "此凭证已过期：请刷新卡包"),
    ("hold", "revoked"): Text("This pass was replaced: see your wallet", "此凭证已被替换：请查看卡包"),
    ("see_staff", "unreadable"): Text(
        "This code cannot be read: make the screen brighter and show the code of your wallet",
        "无法读取此码：请调亮屏幕并出示卡包中的码",
    ),
    ("see_staff", "unknown_issuer"): Text(
        "The issuer of this code is not on our list: see staff", "签发方不在名单上：请找工作人员"
    ),
    ("see_staff", "bad_signature"): Text(
        "This code is damaged or not genuine: see staff", "此码损坏或无效：请找工作人员"
    ),
    ("see_staff", "clock"): Text(
        "This code is too old, or a clock is wrong: open your wallet and show a fresh code",
        "此码不是最新的，或时钟有误：请打开卡包出示新码",
    ),
    ("see_staff", "stale"): Text("Our lists are out of date: see staff", "本机名单已过期：请找工作人员"),
    ("annulled", "annulled"): OUTCOMES["annulled"],
    ("staff", "admitted"): OUTCOMES["staff"],
}

# What a door reader says; what is not here it says as above.
DOOR_REASONS: dict[Pair, Text] = {
    ("clear", "member"): OUTCOMES["clear"],
    ("clear", "visitor"): Text("Enter, welcome", "欢迎，请进"),
    ("hold", "door"): Text(
        "Your pass does not open this door: try another door, or ask who gave it to you",
        "您的凭证不能开此门：请走其他门，或询问发放人",
    ),
    ("hold", "hours"): Text(
        "Your pass is not for this hour: it says when, ask who gave it to you for another",
        "您的凭证不适用于此时段：请查看凭证上的时间，或向发放人申请",
    ),
    ("hold", "expired"): Text(
        "This pass has run out: ask who gave it to you for a new one", "此凭证已过期：请向发放人申请新的凭证"
    ),
    ("hold", "revoked"): Text(
        "This pass was withdrawn: ask who gave it to you", "此凭证已撤销：请询问发放人"
    ),
    ("see_staff", "unreadable"): Text(
        "This is no pass of this house: show your membership or your invitation, or see staff",
        "这不是本单位的凭证：请出示会员凭证或访客邀请，或找工作人员",
    ),
}

STATES = {
    "starting": Text("Starting", "正在启动"),
    "ready": Text("Show your code", "请出示码"),
    "reading": Text("Reading", "正在读取"),
    "decided": Text("Decided", "已判定"),
    "waiting_passage": Text("Please go through", "请通过"),
    "annulled": OUTCOMES["annulled"],
    "degraded": Text("Show your code", "请出示码"),
    "out_of_order": Text("Out of order, exit free", "故障，出口畅通"),
    "maintenance": Text("In maintenance, exit free", "维护中，出口畅通"),
    "no_check": Text("No check here: please go through", "此处不查验：请直接通过"),
    "retired": Text("This gate has ended its work", "本机已停用"),
}

HINTS = {
    "closer": Text("A bit closer", "请靠近一点"),
    "further": Text("A bit further away", "请稍远一点"),
    "brighter": Text("Make the screen brighter", "请调亮屏幕"),
    "still": Text("Hold it still", "请保持不动"),
    "one_code": Text("One code at a time", "请一次只出示一个码"),
    "not_a_pass": Text("This is not a pass: open your wallet", "这不是通行凭证：请打开卡包"),
}

FAULTS = {
    "start": Text("did not start in time", "启动超时"),
    "door": Text("the door or its relay does not answer", "门或继电器无响应"),
    "device_key": Text("the device key is missing: enrol this gate again", "设备密钥缺失：请重新登记本机"),
    "scanner": Text("the camera or scanner does not answer", "摄像头或扫码器无响应"),
    "snapshot_missing": Text(
        "no valid lists yet: connect once or bring them by hand", "尚无有效名单：请联网一次或用存储盘导入"
    ),
    "stale": Text("lists are out of date", "名单已过期"),
    "clock": Text("the clock is wrong or jumped", "时钟有误或发生跳变"),
    "storage": Text("storage is full or read-only: counting in memory", "存储已满或只读：正在内存中计数"),
    "snapshot_refused": Text(
        "newer lists were refused: the ones in use stay", "新名单被拒：继续使用现有名单"
    ),
    "upload": Text("the server refuses the counts: they are kept", "服务器拒收计数：已保留"),
    "peripheral": Text(
        "lamp, voice, printer or thermometer does not answer", "灯、语音、打印机或测温仪无响应"
    ),
}

# Beside the verdict and never a reason: what a skin thermometer may bring onto the screen (a hint, or why it says
# nothing), and what a visitor is told about the host.
ADVICE = {
    "take_reading": Text(
        "Please have your temperature taken at the counter: this sensor is only a hint",
        "请到窗口用体温计复测：此处读数仅供提示",
    ),
    "host_called": Text("Your host is being told", "正在通知您的接待人"),
    "host_told": Text("Your host knows that you are here", "您的接待人已知道您到达"),
    "host_away": Text(
        "Your host could not be reached: call them, or ask at the reception",
        "无法联系到您的接待人：请致电对方，或到前台询问",
    ),
    "come_closer": Text("For a temperature hint, come a bit closer", "如需体温提示，请靠近一点"),
}


def reason_line(outcome: str, reason: str, *, door: bool = False) -> Text:
    """What is said about a pair; `door`: by a door reader. Raises KeyError for a pair of neither list."""
    pair: Pair = (outcome, reason)  # type: ignore[assignment]
    return DOOR_REASONS[pair] if pair in DOOR_REASONS and (door or pair not in REASONS) else REASONS[pair]


def line(state: str, outcome: str = "", reason: str = "", fault: str = "", *, door: bool = False) -> Text:
    """The one line for the screen."""
    if state in ("decided", "waiting_passage") and outcome:
        return reason_line(outcome, reason, door=door)
    if state == "out_of_order" and fault in FAULTS:
        return Text(
            f"{STATES[state].en}: {FAULTS[fault].en}", f"{STATES[state].zh_hans}:{FAULTS[fault].zh_hans}"
        )
    return STATES[state]
