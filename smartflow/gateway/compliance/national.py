"""Rules for identity numbers of persons outside the United States; each is checked as its country says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from stdnum.au import tfn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.za import idnr as za_idnr

from smartflow.gateway.compliance.finding import Rule, Span
from smartflow.gateway.compliance.labels import Labelled

_Check = Callable[[str], bool]
_SPACES = re.compile(r"\s")


def _always(_: str) -> bool:
    return True


# Shapes that are rare enough to count without a word beside them.
_SHAPES: Final[dict[str, tuple[str, _Check]]] = {
    "gb_nino": (
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _always,
    ),
    "es_nie": (r"[XYZ]-?\d{7}-?[A-Z]", nie.is_valid),
    "it_codice_fiscale": (r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    "mx_curp": (r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d", curp.is_valid),
    "br_cpf": (r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    "ch_ahv": (r"756\.\d{4}\.\d{4}\.\d{2}", ahv.is_valid),
    "be_nn": (r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", nn.is_valid),
    "kr_rrn": (r"\d{6}-[1-4]\d{6}", rrn.is_valid),
    "fi_hetu": (r"\d{6}[-+A]\d{3}[0-9A-FHJ-NPR-Y]", hetu.is_valid),
    "cn_ric": (r"[1-9]\d{5}(?:19|20)\d{9}[0-9X]", ric.is_valid),
    "fr_nir": (r"[12] ?\d{2} ?[0-1]\d ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", nir.is_valid),
}  # fmt: skip
_SHAPED = re.compile(
    r"(?<![\w.-])(?:"
    + "|".join(f"(?P<{name}>{shape})" for name, (shape, _) in _SHAPES.items())
    + r")(?![\w-])(?!\.\d)",
    re.ASCII,
)

# Plain digits: they count only beside the word for them, and only when the check digit of that country fits.
_LABELLED: Final[tuple[tuple[Labelled, _Check], ...]] = tuple(
    (Labelled(hints, label, value, also_after=True), check)
    for hints, label, value, check in (
        (
            ("dni", "nif", "national", "nacional"),
            r"dni|documento nacional|nif|national (?:id|identity)(?: card)?",
            r"\d{8}-?[A-Z]",
            dni.is_valid,
        ),
        (("sin", "social ins"), r"sins?|social insurance", r"\d{3}[ -]?\d{3}[ -]?\d{3}", sin.is_valid),
        (("bsn", "nummer"), r"bsn|burgerservicenummer|sofinummer", r"\d{9}|\d{4}\.\d{2}\.\d{3}", bsn.is_valid),
        (("pesel",), r"pesel", r"\d{11}", pesel.is_valid),
        (("aadha", "uid"), r"aadhaar|aadhar|uidai|uid", r"\d{4}[ -]?\d{4}[ -]?\d{4}", aadhaar.is_valid),
        (
            ("steuer", "idnr", "tax id"),
            r"steuer-?(?:id(?:entifikationsnummer)?|idnr)|idnr|tax id",
            r"\d{11}|\d{2} \d{3} \d{3} \d{3}",
            idnr.is_valid,
        ),
        (("tfn", "tax file"), r"tfn|tax file", r"\d{3} ?\d{3} ?\d{3}|\d{8}", tfn.is_valid),
        (("nhs",), r"nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", nhs.is_valid),
        (
            ("personnummer", "personal id"),
            r"personnummer|personal identity",
            r"(?:\d{2})?\d{6}[-+]?\d{4}",
            personnummer.is_valid,
        ),
        (("cpr",), r"cpr(?:-?(?:nummer|nr\.?))?", r"\d{6}-?\d{4}", cpr.is_valid),
        (("cpf",), r"cpf", r"\d{11}", cpf.is_valid),
        (("nir", "social"), r"nir|num[ée]ro de s[ée]curit[ée] sociale|securite sociale", r"[12]\d{14}", nir.is_valid),
        (("id number", "identity number"), r"id(?:entity)? number", r"\d{13}", za_idnr.is_valid),
    )
)


def _find_shaped(text: str) -> Iterator[Span]:
    for match in _SHAPED.finditer(text):
        name = match.lastgroup or ""
        if _SHAPES[name][1](_SPACES.sub("", match.group())):
            yield match.span()


def _find_labelled(text: str) -> Iterator[Span]:
    for labelled, check in _LABELLED:
        for start, end in labelled.find(text):
            if check(text[start:end]):
                yield start, end


RULES = (
    Rule("national_id_shaped", "national_id", 0.9, _find_shaped),
    Rule("national_id_labelled", "national_id", 0.92, _find_labelled),
)
