"""Refusals of this room, in both languages."""

from pratique.core.text import Text

BAD_KEY = Text(
    "a device key is 32 bytes in base64url; make a new one", "设备密钥应为32字节的base64url；请重新生成"
)
TOKEN_UNKNOWN = Text("no such token: ask for a new one in the console", "没有此令牌：请在控制台重新获取")
TOKEN_USED = Text(
    "this token was used by another device: if that was not you, end that gate and ask for a new token",
    "此令牌已被另一设备使用：若非您所为，请停用该哨位并重新获取",
)
TOKEN_EXPIRED = Text("this token is older than 15 minutes: ask for a new one", "令牌已超过15分钟：请重新获取")
KEY_KNOWN = Text("this device key is in use: make a new one", "此设备密钥已在使用：请重新生成")
GATE_UNKNOWN = Text(
    "no such gate, or not its signature: enrol this gate again", "没有此哨位或签名不符：请重新登记本机"
)
NOT_SIGNED = Text(
    "an upload is signed as RFC 9421 says: @method, @path and content-digest, with created, keyid, nonce and tag",
    "上传须按RFC 9421签名：涵盖@method、@path与content-digest，并带created、keyid、nonce与tag",
)
REPLAYED = Text(
    "this very request came before; a gate that sends again signs again",
    "此请求此前已收到；哨位重发时须重新签名",
)
NOT_WAITING = Text(
    "no such gate waits for its words: look at the list again", "没有等待核对词语的此哨位：请刷新列表"
)
NOT_CONFIRMED = Text(
    "nobody has compared this gate's words yet: do it in the console, then this is sent again",
    "尚未核对本哨位的词语：请在工作台核对，之后会自动重新发送",
)
GROUP_UNKNOWN = Text("no such group: look at the list again", "没有此分组：请刷新列表")
NO_CLASS = Text(
    "name what these gates accept: pass, hcert, shc", "请选择哨位接受的凭证类别：pass、hcert、shc"
)
NO_CHANNEL = Text("a channel is steady or early", "频道只能是 steady 或 early")
NO_ACTION = Text("what can be done to many gates is move and end", "批量操作只有移动与停用")
NOBODY = Text("no gate is found by this search: choose others", "没有符合条件的哨位：请另选")
COUNTS_CHANGED = Text(
    "other counts came under this number before; nothing was stored", "此编号已收到不同的计数；内容未保存"
)
UNKNOWN_OUTCOME = Text("not an outcome and reason that gates count", "不是哨位计数的结果与原因")
UNKNOWN_ALARM = Text("not an alarm that gates raise", "不是哨位可发出的警报")
NOT_A_NUMBER = Text("outside of what a gate can count", "超出哨位计数范围")
SLOT_AHEAD = Text(
    "this quarter of an hour is still to come: check the gate's clock", "此时段尚未到来：请检查哨位时钟"
)
TOO_MANY_ROWS = Text("too many rows in one batch: send several", "单批行数过多：请分批发送")
TWICE = Text("the same count stands twice in one batch", "同一计数在一批中出现两次")
