"""What a manager may say about a file of sales and its source."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.files.uploadedfile import UploadedFile

from pos import importing
from pos.models import Connection
from pos.providers import headers

DATE_ORDERS = (
    ("", "Decide from the dates"),
    ("dmy", "Day first: 31/12/2025"),
    ("mdy", "Month first: 12/31/2025"),
    ("ymd", "Year first: 25/12/31"),
)
DECIMALS = (("", "Decide from the figures"), (".", "Point: 1,234.50"), (",", "Comma: 1.234,50"))
TAX = (("no", "No, they are without tax"), ("yes", "Yes, tax is included"))
COLUMN = "column_"


class UploadForm(forms.Form):
    """The file itself."""

    file = forms.FileField(label="File of sales", help_text="CSV, compressed with gzip or not, up to 50 MB")

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > importing.MAX_BYTES:
            raise forms.ValidationError(str(importing.FileTooLarge()))
        return file


class PricesForm(forms.Form):
    """Whether prices include tax, and at which rate."""

    prices = forms.ChoiceField(label="Do these prices include tax?", choices=TAX, widget=forms.RadioSelect)
    rate = forms.CharField(label="Tax rate", required=False, help_text="Such as 10%; where prices include it.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("prices") != "yes":
            cleaned["rate"] = None
        elif not cleaned.get("rate"):
            self.add_error("rate", "Which rate do the prices include?")
        else:
            try:
                cleaned["rate"] = importing.tax_rate(cleaned["rate"])
            except importing.AnswerRefused as error:
                self.add_error("rate", str(error))
        return cleaned

    def answers(self) -> dict[str, Any]:
        """For `importing.answer`."""
        rate = self.cleaned_data["rate"]
        return {
            "prices_include_tax": self.cleaned_data["prices"] == "yes",
            "tax_rate": None if rate is None else str(rate),
        }


class ReadingForm(forms.Form):
    """How one file is read: a column for each field, and the conventions of its dates and figures."""

    date_order = forms.ChoiceField(label="Dates are written", choices=DATE_ORDERS, required=False)
    decimal = forms.ChoiceField(label="Decimal mark", choices=DECIMALS, required=False)
    time_zone = forms.ChoiceField(label="Times are in the zone")

    def __init__(self, data: Mapping[str, Any] | None, *, report: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """`report`: what the last preview found; `said`: what was answered before."""
        super().__init__(
            data,
            initial={
                "date_order": said.get("date_order", ""),
                "decimal": said.get("decimal", ""),
                "time_zone": report["time_zone"],
            }
            | {f"{COLUMN}{name}": column for name, column in report["mapping"].items()},
        )
        choices = [("", "– not in the file –"), *((name, name) for name in report["header"])]
        for name, label in headers.LABELS.items():
            required = name in {headers.TIMESTAMP, headers.ITEM}
            self.fields[f"{COLUMN}{name}"] = forms.ChoiceField(label=label, choices=choices, required=required)
        self.fields["time_zone"].choices = [(zone, zone) for zone in sorted({*available_timezones(), "UTC"})]  # type: ignore[attr-defined]

    def columns(self) -> list[forms.BoundField]:
        """The fields that name a column."""
        return [self[name] for name in self.fields if name.startswith(COLUMN)]

    def answers(self) -> dict[str, Any]:
        """For `importing.answer`."""
        cleaned = self.cleaned_data
        return {
            "mapping": {name: cleaned[f"{COLUMN}{name}"] for name in headers.LABELS},
            "date_order": cleaned["date_order"],
            "decimal": cleaned["decimal"],
            "time_zone": cleaned["time_zone"],
        }


class SourceForm(PricesForm):
    """A source's name, and whether its prices include tax."""

    name = forms.CharField(max_length=120)
    field_order = ("name", "prices", "rate")

    def __init__(self, data: Mapping[str, Any] | None, *, connection: Connection) -> None:
        include, rate = connection.prices_include_tax, connection.tax_rate
        super().__init__(
            data,
            initial={
                "name": connection.name,
                "prices": {True: "yes", False: "no", None: None}[include],
                "rate": percent(rate) if rate is not None else "",
            },
        )


class SourceChangeForm(forms.Form):
    """Which source counts from one day to another."""

    connection = forms.ModelChoiceField(Connection.objects.all(), label="Let this source count", empty_label=None)
    first_on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last_on = forms.DateField(label="To, included", widget=forms.DateInput(attrs={"type": "date"}))

    @classmethod
    def between(
        cls, first_on: date | None, last_on: date | None, connections: Iterable[Connection]
    ) -> "SourceChangeForm":
        """An empty form over all dates with sales."""
        form = cls(initial={"first_on": first_on, "last_on": last_on})
        form.fields["connection"].choices = [(each.pk, each.name) for each in connections]  # type: ignore[attr-defined]
        return form


def percent(share: Decimal | str) -> str:
    """0.1000 is 10%."""
    return f"{(Decimal(share) * 100).normalize():f}%"
