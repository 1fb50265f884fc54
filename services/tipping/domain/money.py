"""Amounts: whole numbers of a currency's minor unit, never fractions of a float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.refusal import Refusal

_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: Final = {code: exponent for exponent, codes in _CODES.items() for code in codes.split()}
"""Digits after the point by currency code (ISO 4217, list one)."""

MOST: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units of a currency: 2500 of USD are 25 dollars, 2500 of JPY are 2500 yen. Refuses: invalid."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in EXPONENTS:
            raise Refusal(
                "invalid", "There is no such currency; use a code of ISO 4217, such as USD.", field="currency"
            )
        if not 1 <= self.minor <= MOST:
            raise Refusal(
                "invalid", f"An amount is a whole number of minor units from 1 to {MOST}.", field="amount_minor"
            )

    @property
    def exact(self) -> str:
        """With all digits of the currency: 25.00, 2500, 2.500."""
        exponent = EXPONENTS[self.currency]
        whole, rest = divmod(self.minor, 10**exponent)
        return f"{whole}.{rest:0{exponent}d}" if exponent else str(whole)

    @property
    def short(self) -> str:
        """Without a fraction that is nothing: 25, 25.50, 2500."""
        whole, _, rest = self.exact.partition(".")
        return self.exact if rest.strip("0") else whole
