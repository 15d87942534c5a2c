"""What the rules find, what they leave alone, and how overlapping finds are resolved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow.gateway.compliance.detectors import RULES, candidates, redact, resolve
from smartflow.gateway.compliance.finding import KINDS, SEVERITIES, Candidate, mask

SEVERITY = {kind: SEVERITIES[place % 4] for place, kind in enumerate(KINDS)}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7\n-----END RSA PRIVATE KEY-----"


def redacted(text: str) -> str:
    return redact(text, resolve(candidates(text, KINDS), SEVERITY))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call me at 555-867-5309, email john@example.com", "Call me at [PHONE], email [EMAIL]"),
        ("My SSN is 123-45-6789", "My SSN is [SSN]"),
        ("123 45 6789 or 123.45.6789", "[SSN] or [SSN]"),
        ("ssn 123456789, 234567890 and 345-67-8901", "ssn [SSN], [SSN] and [SSN]"),
        ("123456789 is my social security number", "[SSN] is my social security number"),
        ('{"ssn": "123456789"}', '{"ssn": "[SSN]"}'),
        ("pay 4111-1111-1111-1111 now", "pay [CREDIT_CARD] now"),
        ("4111111111111111, 3782 822463 10005", "[CREDIT_CARD], [CREDIT_CARD]"),
        ("5105 1051 0510 5100 12/26", "[CREDIT_CARD] 12/26"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[CREDIT_CARD]"),
        ("my old visa card 4222222222222", "my old visa card [CREDIT_CARD]"),
        ("IBAN DE89 3704 0044 0532 0130 00 PLEASE", "IBAN [IBAN] PLEASE"),
        ("gb29nwbk60161331926819.", "[IBAN]."),
        ("see...john.doe+tag@mail.example.co.uk!", "see...[EMAIL]!"),
        ("müller@exämple.de", "[EMAIL]"),
        ("Call me at 555-0100", "Call me at [PHONE]"),
        ("tel: 555-0100", "tel: [PHONE]"),
        ("text me at 555 0100", "text me at [PHONE]"),
        ("(555)867-5309 or 555.867.5309", "[PHONE] or [PHONE]"),
        ("+1 (555) 867-5309 ext. 12", "[PHONE]"),
        ("+44 20 7946 0958 2024", "[PHONE] 2024"),
        ("0044 20 7946 0958", "[PHONE]"),
        ("Tel.: 030 901820 01", "Tel.: [PHONE]"),
        ("my number is 5558675309", "my number is [PHONE]"),
        ("MRN: 00123456", "MRN: [MRN]"),
        ("medical record number is AB-1234567", "medical record number is [MRN]"),
        ("passport no. AB1234567", "passport no. [PASSPORT]"),
        ("C01X00T47 (passport)", "[PASSPORT] (passport)"),
        ("host 192.0.2.4, 10.0.0.1 and 8.8.8.8:53", "host [IP_ADDRESS], [IP_ADDRESS] and [IP_ADDRESS]:53"),
        ("2001:db8::1 and fe80::1.", "[IP_ADDRESS] and [IP_ADDRESS]."),
        ("DOB 03/14/1985", "DOB [DATE_OF_BIRTH]"),
        ("born on March 3rd, 1985", "born on [DATE_OF_BIRTH]"),
        ("date of birth: 14 Feb 1985", "date of birth: [DATE_OF_BIRTH]"),
        ("key sk-proj-abcd1234efgh5678", "key [API_KEY]"),
        ("AKIAIOSFODNN7EXAMPLE", "[API_KEY]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[API_KEY]"),
        ("xoxb-123456789012-abcdefghij", "[API_KEY]"),
        (f"token {JWT}.", "token [API_KEY]."),
        (f"a {PEM} b", "a [API_KEY] b"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "[API_KEY]"),
        ("Authorization: Bearer abcdef0123456789abcdef", "Authorization: Bearer [API_KEY]"),
        ("api_key = 'abcd1234efgh5678'", "api_key = '[API_KEY]'"),
    ],
)
def test_sensitive_data_is_replaced_by_its_placeholder(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The order 123456789 ships on 2023-11-23 at 12:30:45.",
        "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 078-05-1120",
        "4111-1111-1111-1112 and 0000 0000 0000 0000",
        "1234 5678 9012 3456 without an issuer",
        "4222222222222 is a product code",
        "DE88 3704 0044 0532 0130 00 and ZZ12 3456 7890 1234 56",
        "icon@2x.png, @app.route, react@18.2.0, git@github.com:org/repo.git",
        "Room 555-0100, part 12-3456-7890",
        "call 911 about 2000 tickets, text size is 300-4000",
        "911-867-5309 and 555-911-5309",
        "MRN was lost. Invoice 123456",
        "MRN 2023-01-15",
        "my passport expires soon, order AB1234567",
        "release 1.2.3.4.5, v1.2.3.4, version 1.2.3.4, 300.1.2.3",
        "127.0.0.1 0.0.0.0 255.255.255.0 ::1",
        "std::vector a::b dead::beef 00:1A:2B:3C:4D:5E",
        "date of birth: 1985-02-31, born in 1985",
        "sk-learn-contrib-imbalanced-learn and the bearer of this letter",
        "eyJub3QiOiJhIGp3dCJ9.abcdefgh12345678.abcdefgh",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "ISBN 978-3-16-148410-0, EAN 4006381333931, 1700740800000",
        "GPS 40.712776, -74.005974; price 1,234,567.89; pi 3.14159265358979",
    ],
)
def test_look_alikes_are_left_alone(text: str) -> None:
    assert [(one.rule, text[one.start : one.end]) for one in candidates(text, KINDS)] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ＳＳＮ １２３－４５－６７８９ ok", "１２３－４５－６７８９"),
        ("ssn ١٢٣-٤٥-٦٧٨٩", "١٢٣-٤٥-٦٧٨٩"),
        ("😀 12\u200b3-45-67\u00ad89 ok", "12\u200b3-45-67\u00ad89"),
        ("pay 4111\u20111111\u20111111\u20111111", "4111\u20111111\u20111111\u20111111"),
        ("call\u00a0me: 555\u00a0867\u00a05309", "555\u00a0867\u00a05309"),
        ("电话555-867-5309号", "555-867-5309"),
    ],
)
def test_offsets_point_into_the_original_text(text: str, value: str) -> None:
    (finding,) = resolve(candidates(text, KINDS), SEVERITY)
    assert text[finding.start : finding.end] == value


def candidate(kind: str, start: int, end: int, confidence: float = 0.9) -> Candidate:
    return Candidate(kind, start, end, confidence, "rule")


def test_the_longer_of_two_overlapping_finds_wins() -> None:
    (finding,) = resolve([candidate("phone", 5, 10), candidate("email", 0, 20)], {"phone": "medium", "email": "low"})
    assert (finding.kind, finding.start, finding.end) == ("email", 0, 20)


def test_a_shorter_find_wins_when_it_is_more_severe_and_surer() -> None:
    found = [candidate("email", 0, 20), candidate("credit_card", 0, 16, 0.99)]
    (finding,) = resolve(found, {"email": "low", "credit_card": "critical"})
    assert (finding.kind, finding.severity, finding.end) == ("credit_card", "critical", 20)


@pytest.mark.parametrize("spans", [((0, 10), (8, 15)), ((0, 10), (5, 30)), ((0, 10), (2, 4))])
def test_a_find_covers_everything_that_overlaps_it(spans: tuple[tuple[int, int], tuple[int, int]]) -> None:
    found = [candidate("phone", *spans[0]), candidate("ssn", *spans[1])]
    (finding,) = resolve(found, {"phone": "medium", "ssn": "critical"})
    assert (finding.start, finding.end) == (0, max(spans[0][1], spans[1][1]))


def test_finds_that_only_touch_stay_apart() -> None:
    found = resolve([candidate("phone", 0, 10), candidate("phone", 10, 20)], {"phone": "medium"})
    assert [(one.start, one.end) for one in found] == [(0, 10), (10, 20)]


def test_only_the_wanted_kinds_are_looked_for() -> None:
    assert candidates("555-867-5309, john@example.com", ["email"])[0].kind == "email"
    assert candidates("555-867-5309", ["email"]) == []


@pytest.mark.parametrize("value", ["4111-1111-1111-1111", "john@example.com", "12\u0663", PEM, "é" * 500])
def test_a_mask_shows_nothing_of_the_value(value: str) -> None:
    assert not any(character.isalnum() for character in mask(value))


def test_a_card_mask_keeps_only_its_separators() -> None:
    assert mask("4111-1111-1111-1111") == "****-****-****-****"


def test_every_kind_has_a_rule_and_every_rule_a_known_kind() -> None:
    assert {rule.kind for rule in RULES} == set(KINDS)


def test_rule_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


PIECES = st.sampled_from(
    [
        "123-45-6789",
        "4111 1111 1111 1111",
        "john@example.com",
        "555-867-5309",
        "ssn",
        "call",
        "MRN",
        "\u200b",
        "٣",
        "DE89",
        "dob",
    ]
)


@given(st.lists(PIECES | st.text(max_size=6), max_size=12).map(" ".join))
def test_findings_are_ordered_disjoint_and_inside_any_text(text: str) -> None:
    findings = resolve(candidates(text, KINDS), SEVERITY)
    edges = [edge for finding in findings for edge in (finding.start, finding.end)]
    assert edges == sorted(edges)
    assert all(0 <= finding.start < finding.end <= len(text) for finding in findings)


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_labelled_value_is_found_between_any_words(before: str, after: str) -> None:
    assert "123-45-6789" not in redacted(f"{before} SSN 123-45-6789 {after}")
