"""Every reason for which a credential is refused: a closed list, each with a sentence and a way out.

The code is stable: gates, wallets and tests rely on it. The texts are for the holder; a gate shows less.
"""

from typing import NamedTuple

from pratique.core.text import Text


class Reason(NamedTuple):
    """`why` says what is wrong with the credential, `remedy` what the holder can do."""

    why: Text
    remedy: Text


class CredentialError(ValueError):
    """The credential, key set or list cannot be taken. `code` is one of `REASONS`; `detail` never holds contents."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


# Like `Refusal` in core, these name an answer, not a fault of the program.
class BadText(CredentialError):  # noqa: N818
    """The characters are not base45, numeric SHC text or base64url of the right form."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("BAD_TEXT", detail)


class BadCompression(CredentialError):  # noqa: N818
    """The bytes are not the compression the format asks for."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("BAD_COMPRESSION", detail)


class TooLarge(CredentialError):  # noqa: N818
    """Text, inflated bytes or nesting beyond the caps."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("TOO_LARGE", detail)


class BadCbor(CredentialError):  # noqa: N818
    """Not well-formed CBOR, a key twice in one map, or bytes left over."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("BAD_CBOR", detail)


class BadCose(CredentialError):  # noqa: N818
    """Not a COSE_Sign1 or JWS of the expected shape."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("BAD_COSE", detail)


class NotIssued(CredentialError):  # noqa: N818
    """What was to be issued would not be good: contents, dates, keys or addresses. Nothing was signed."""

    def __init__(self, detail: str = "", code: str = "SCHEMA") -> None:
        super().__init__(code, detail)


class BadTrust(CredentialError):  # noqa: N818
    """A trust list, bundle, key or key set that must not be used."""

    def __init__(self, detail: str = "", code: str = "BAD_TRUST") -> None:
        super().__init__(code, detail)


_RESCAN = Text("Scan it again, or ask the issuer for a new copy.", "请重新扫描，或向签发方索取新的凭证。")
_ISSUER = Text("Ask the issuer to issue it again.", "请签发方重新签发。")
_LIST = Text(
    "Ask the place to update its trust list, or show another credential.",
    "请查验处更新信任列表，或出示其他凭证。",
)
_RENEW = Text(
    "Renew it in the wallet; nothing about your status has changed.", "请在健康卡包中更新；您的状态没有改变。"
)
_WALLET = Text("Open the pass in the wallet and show the live code.", "请打开健康卡包，出示实时更新的码。")
_NOTICE = Text(
    "The wallet holds a notice that says why and how to appeal.", "健康卡包中有提示，说明原因和申诉方法。"
)
_STAFF = Text("Ask the staff; nothing is wrong on your side.", "请询问工作人员；您这边没有问题。")

REASONS: dict[str, Reason] = {
    "UNKNOWN_PREFIX": Reason(
        Text("This code is not a health credential that is known here.", "此码不是本处可识别的健康凭证。"),
        Text(
            "Show a pass, an HC1 certificate or a SMART Health Card.",
            "请出示通行凭证、HC1 证书或 SMART 健康卡。",
        ),
    ),
    "BAD_TEXT": Reason(
        Text("The code is damaged: its characters are wrong.", "码已损坏：字符有误。"), _RESCAN
    ),
    "BAD_COMPRESSION": Reason(
        Text("The code is damaged: it cannot be unpacked.", "码已损坏：无法解压。"), _RESCAN
    ),
    "TOO_LARGE": Reason(Text("The code is larger than any genuine one.", "码超出正常大小。"), _ISSUER),
    "BAD_CBOR": Reason(Text("The contents are not written correctly.", "内容编码不正确。"), _ISSUER),
    "BAD_COSE": Reason(Text("The signed envelope is not formed correctly.", "签名封装格式不正确。"), _ISSUER),
    "BAD_HEADER": Reason(
        Text("The signature's header lacks what it must say.", "签名头缺少必要内容。"), _ISSUER
    ),
    "UNKNOWN_KEY": Reason(
        Text("The issuer's key is not on the trust list in use.", "签发方的密钥不在当前信任列表中。"), _LIST
    ),
    "KEY_NOT_VALID": Reason(
        Text("The issuer's key was not valid for this credential's dates.", "签发方密钥在该凭证日期内无效。"),
        _ISSUER,
    ),
    "ALG_NOT_ALLOWED": Reason(
        Text("The signature uses an algorithm that is not accepted.", "签名算法不被接受。"), _ISSUER
    ),
    "ALG_KEY_MISMATCH": Reason(
        Text("The signature's algorithm does not fit the issuer's key.", "签名算法与签发方密钥不符。"),
        _ISSUER,
    ),
    "BAD_SIGNATURE": Reason(Text("The signature is not genuine.", "签名不真实。"), _RESCAN),
    "SIGNATURE_FORMAT": Reason(
        Text("The signature is written in the wrong form.", "签名书写格式错误。"), _ISSUER
    ),
    "NOT_YET_VALID": Reason(
        Text("The credential is not valid yet.", "凭证尚未生效。"),
        Text("Wait until it begins, and check the clock of the device.", "请等待生效，并检查设备时间。"),
    ),
    "EXPIRED": Reason(Text("The credential has expired technically.", "凭证的技术有效期已过。"), _RENEW),
    "KEY_USAGE": Reason(
        Text("The issuer's key may not sign this kind of certificate.", "签发方密钥无权签发此类证书。"),
        _ISSUER,
    ),
    "SCHEMA": Reason(Text("The contents do not follow the format's rules.", "内容不符合格式规定。"), _ISSUER),
    "CODE_UNKNOWN": Reason(
        Text("A code in it is not in the published lists.", "其中的代码不在公布的列表中。"), _ISSUER
    ),
    "ISSUER_NOT_TRUSTED": Reason(
        Text("The signature cannot be tied to a trusted issuer.", "签名无法对应到受信任的签发方。"), _LIST
    ),
    "ISSUER_URL": Reason(
        Text("The issuer's address is not written as required.", "签发方地址不符合要求。"), _ISSUER
    ),
    "ISSUER_KID_MISMATCH": Reason(
        Text("The key belongs to another issuer than the one named.", "密钥属于另一签发方。"), _ISSUER
    ),
    "REVOKED": Reason(Text("The credential was revoked.", "凭证已被撤销。"), _NOTICE),
    "STATUS_UNKNOWN": Reason(
        Text("It cannot be told whether the credential was revoked.", "无法确认凭证是否已撤销。"), _STAFF
    ),
    "CHUNK_MISSING": Reason(
        Text("A part of a credential in several codes is missing.", "多码凭证缺少一部分。"),
        Text("Scan every code of the credential.", "请扫描该凭证的全部码。"),
    ),
    "PROOF_MISSING": Reason(
        Text(
            "The pass belongs to a device and came without the device's proof.",
            "此凭证绑定设备，但没有设备证明。",
        ),
        _WALLET,
    ),
    "PROOF_BAD": Reason(Text("The device's proof is not genuine.", "设备证明不真实。"), _WALLET),
    "PROOF_TIME": Reason(
        Text(
            "The device's proof is not fresh: a picture, or a wrong clock.",
            "设备证明不是最新的：可能是截图或时钟不准。",
        ),
        Text(
            "Show the live code; if the clock is wrong, scan the gate's challenge code.",
            "请出示实时码；若时钟不准，请扫描哨位的质询码。",
        ),
    ),
    "PROOF_REPLAYED": Reason(
        Text("This very code was shown here before.", "此码刚刚在此处出示过。"), _WALLET
    ),
    "PAPER_NOT_ALLOWED": Reason(
        Text("Paper is not accepted at this gate.", "本哨位不接受纸质凭证。"),
        Text("Show the pass on a device, or ask the staff.", "请在设备上出示，或询问工作人员。"),
    ),
    "UNREADABLE": Reason(
        Text("No code could be read.", "未能读取任何码。"),
        Text("Hold it still, closer, with the screen bright.", "请拿稳、靠近，并调亮屏幕。"),
    ),
    "BAD_TRUST": Reason(Text("The trust list cannot be used.", "信任列表无法使用。"), _STAFF),
    "ROLLBACK": Reason(
        Text("The trust list is older than the one in use.", "信任列表比正在使用的旧。"), _STAFF
    ),
    "LIST_EXPIRED": Reason(Text("The trust list has expired.", "信任列表已过期。"), _STAFF),
    "PRIVATE_KEY": Reason(
        Text("A private key was given where a public one belongs.", "本应提供公钥，却提供了私钥。"),
        Text("Treat that key as lost: stop using it and make a new one.", "请视该密钥已泄露：停用并更换。"),
    ),
}


def reason(code: str) -> Reason:
    """The texts of a code. Raises KeyError for a code that is not on the list."""
    return REASONS[code]
