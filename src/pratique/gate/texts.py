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

# The only things a skin thermometer may bring onto the screen: a hint, or why it says nothing. Never a reason.
ADVICE = {
    "take_reading": Text(
        "Please have your temperature taken at the counter: this sensor is only a hint",
        "请到窗口用体温计复测：此处读数仅供提示",
    ),
    "come_closer": Text("For a temperature hint, come a bit closer", "如需体温提示，请靠近一点"),
}


def line(state: str, outcome: str = "", reason: str = "", fault: str = "") -> Text:
    """The one line for the screen."""
    if state in ("decided", "waiting_passage") and outcome:
        return REASONS[(outcome, reason)]  # type: ignore[index]
    if state == "out_of_order" and fault in FAULTS:
        return Text(
            f"{STATES[state].en}: {FAULTS[fault].en}", f"{STATES[state].zh_hans}:{FAULTS[fault].zh_hans}"
        )
    return STATES[state]
