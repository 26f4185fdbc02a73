"""A wallet asks for passes of fresh keys over HTTP; a hold gives none, and what is no key is refused by name."""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from pratique.credentials import pq1
from pratique.credentials.jose import b64url, unb64url
from tests.notices.test_wallets_see_their_own import bearer, client
from tests.notices.town import Town
from tests.people.keys import new_key, point


def asked(keys: list[EllipticCurvePrivateKey]) -> dict[str, list[str]]:
    return {"keys": [b64url(point(key)) for key in keys]}


def test_it_works(town: Town) -> None:
    town.start()
    web, keys = client(town), [new_key() for _ in range(8)]
    answer = web.post("/v1/wallet/passes", json=asked(keys), headers=bearer(town, town.members[0]))

    assert answer.status_code == 201
    claims = [pq1.read(pq1.paper(unb64url(row["credential"]))).claims for row in answer.json()["passes"]]
    assert [claim.holder for claim in claims] == [pq1.compress(point(key)) for key in keys]
    assert len({claim.status for claim in claims}) == 8
    assert web.post("/v1/wallet/passes", json=asked(keys)).status_code == 401


def test_what_is_wrong_is_refused_by_name_and_gives_nothing(town: Town) -> None:
    town.start()
    web, headers = client(town), bearer(town, town.members[0])
    for keys in ([], ["AAAA"], ["not base64url!"], [b64url(point(new_key()))] * 2):
        answer = web.post("/v1/wallet/passes", json={"keys": keys}, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["field"] == "keys"


def test_a_wallet_does_not_use_up_the_places(town: Town) -> None:
    town.start()
    web, headers = client(town), bearer(town, town.members[0])
    codes = [
        web.post("/v1/wallet/passes", json=asked([new_key() for _ in range(8)]), headers=headers).status_code
        for _ in range(4)
    ]

    assert codes == [201, 201, 201, 422]


def test_a_hold_gives_none(town: Town) -> None:
    town.start()
    one = town.members[0]
    town.tell("detected", "R1", sampled=town.now, whom=[one], pooled=False)
    answer = client(town).post("/v1/wallet/passes", json=asked([new_key()]), headers=bearer(town, one))

    assert (answer.status_code, answer.json()) == (201, {"passes": []})
