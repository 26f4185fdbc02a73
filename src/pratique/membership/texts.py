"""What an organisation is told, in both languages."""

from pratique.core.text import Text

BAD_WALLET_KEY = Text(
    "this is no wallet's key: in the wallet, Memberships, Join, and copy what begins with PQK1:",
    "这不是卡包的密钥：请在卡包“会员”中点“加入”，复制以 PQK1: 开头的内容",
)
BAD_GATE_KEY = Text(
    "this is no gate's key: run `pratique gate repurpose` at the gate and copy what begins with PQD1:",
    "这不是哨位的密钥：请在哨位上运行 pratique gate repurpose，复制以 PQD1: 开头的内容",
)
NO_LABEL = Text("give the member a label: a number will do", "请给会员一个标识：编号即可")
BAD_LIFE = Text("a pass lasts from one day to 400 days", "凭证有效期为一天至 400 天")
NO_SUCH_DOOR = Text("there is no such door: see `pratique member list`", "没有此门：见 pratique member list")
NO_SUCH_MEMBER = Text(
    "nobody of that label has a pass in force: see `pratique member list`",
    "没有该标识的有效凭证：见 pratique member list",
)
LIST_FULL = Text(
    "all places for passes are taken: they free themselves 35 days after a pass ends",
    "凭证名额已满：凭证到期 35 天后名额自动释放",
)
BAD_HOURS = Text(
    "write hours as mon-fri 07:00-19:00, sat 09:00-12:00", "时段请写作 mon-fri 07:00-19:00, sat 09:00-12:00"
)
NO_ORGANISATION = Text(
    "there is no organisation in this folder: run `pratique member found` first",
    "此文件夹中没有单位：请先运行 pratique member found",
)
IS_ORGANISATION = Text(
    "there is an organisation in this folder already: name another folder",
    "此文件夹中已有单位：请使用其他文件夹",
)
BAD_ZONE = Text("name a time zone such as Asia/Shanghai", "请指明时区，例如 Asia/Shanghai")
BAD_BOX = Text("this is no doorbell: open the invitation again", "这不是有效的门铃：请重新打开邀请")
BAD_RING = Text(
    "a ring is base64url, at most 2,048 bytes: update the gate",
    "门铃内容须为 base64url，不超过 2048 字节：请更新哨位",
)
BAD_SERVER = Text("a server is given as https://host", "服务器须写作 https://host")
TOO_MANY = Text("too many wait here: try again in a minute", "等待者过多：请一分钟后再试")
NO_HOST = Text(
    "this membership may not invite: ask the organisation for one that may",
    "此会员凭证不能邀请访客：请向单位申请可邀请的凭证",
)
BAD_VISIT = Text(
    "a visit ends after it begins, within 72 hours, while your own pass lasts",
    "访问须在开始之后结束、不超过 72 小时，且在您自己的凭证有效期内",
)

# Why a hand-in, or one receipt of it, does not hold.
WHY = {
    "NOT_A_HAND_IN": Text(
        "this is no hand-in of a wallet: in the wallet, Memberships, Hand in a week",
        "这不是卡包提交的文件：请在卡包“会员”中点“提交一周”",
    ),
    "NOT_OUR_MEMBER": Text(
        "not a pass of this organisation: hand in with the pass that you were given here",
        "不是本单位的会员凭证：请用本单位发放的凭证提交",
    ),
    "NOT_SIGNED": Text(
        "not signed with the key of that pass: hand in anew from the wallet that has it",
        "未用该凭证的密钥签名：请从持有该凭证的卡包重新提交",
    ),
    "UNREADABLE": Text("not a receipt: scan it again at the door", "不是收据：请在门口重新扫描"),
    "FORGED": Text("no door of this organisation signed this receipt", "此收据不是由本单位的门签发"),
    "NOT_YOURS": Text("handed to another member's wallet", "此收据是发给其他会员的"),
    "TWICE": Text("handed in before: it counts once", "此前已提交：只计一次"),
}
