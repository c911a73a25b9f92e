"""Which column of a file means what: names that exports give their columns, and a mapping made by hand.

Plain Python. Names are compared without case, accents and punctuation, so ``Unit price (£)`` is ``unit price``.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

ORDER_ID, TIMESTAMP, TIME, ITEM, QUANTITY = "order_id", "timestamp", "time", "item", "quantity"
UNIT_PRICE, GROSS, NET, DISCOUNT, TAX = "unit_price", "gross", "net", "discount", "tax"
CATEGORY, VOIDED, GUESTS = "category", "voided", "guests"

LABELS = {
    TIMESTAMP: "Date, or date and time",
    TIME: "Time, if in a column of its own",
    ORDER_ID: "Order or receipt number",
    ITEM: "Menu item",
    QUANTITY: "Quantity",
    UNIT_PRICE: "Price of one",
    GROSS: "Total of the line",
    NET: "Total of the line without tax",
    DISCOUNT: "Discount on the line",
    TAX: "Tax on the line",
    CATEGORY: "Category",
    VOIDED: "Voided (yes or no)",
    GUESTS: "Guests of the order",
}
SYNONYMS = {"date": TIMESTAMP, "opened_at": TIMESTAMP, "order": ORDER_ID, "price": UNIT_PRICE, "total": GROSS}

# The first name of a field that a header has wins: names that say exactly one thing stand first.
ALIASES: dict[str, tuple[str, ...]] = {
    field: tuple(" ".join(name.split()) for name in names.split(","))
    for field, names in {
        TIMESTAMP: """
            timestamp, datetime, date time, date and time, order datetime, order date time, order timestamp,
            opened at, opened, time opened, opened date, order date, order time stamp, ordered at, order opened,
            created at, created, creation date, created date, date created, sent date, line item date,
            transaction date, transaction date time, sale date, sales date, sold at, sold on, receipt date, bill
            date, invoice date, check date, business date, business day, trading day, posting date, date of
            sale, closed at, paid at, payment date, paid date, date, day, datum, bestelldatum, verkaufsdatum,
            belegdatum, zeitstempel, zeitpunkt, tag, jour, date heure, horodatage, date de vente, fecha, fecha y
            hora, fecha hora, data, data ora
        """,
        TIME: """
            time, order time, opened time, transaction time, sale time, time of day, receipt time, created time,
            uhrzeit, zeit, heure, hora, ora, tijd
        """,
        ORDER_ID: """
            order id, order guid, orderid, transaction id, order number, order num, order no, order nr, order,
            receipt number, receipt no, receipt id, receipt, ticket number, ticket no, ticket id, ticket, check
            id, check number, check num, check no, check, bill number, bill no, bill id, bill, invoice number,
            invoice no, invoice id, transaction number, transaction no, transaction, sale id, sale number,
            bestellnummer, belegnummer, bonnummer, rechnungsnummer, beleg, bon, numero de ticket, numero ticket,
            numero de commande, commande, numero, pedido, factura, scontrino, ordine
        """,
        ITEM: """
            item, item name, menu item, menu item name, item description, product, product name, dish, dish
            name, article, article name, plu name, line item, line item name, product description, name,
            description, artikel, artikelname, artikelbezeichnung, produkt, produktname, bezeichnung, gericht,
            speise, produit, nom du produit, plat, designation, libelle, producto, articulo, plato, nombre,
            prodotto, articolo, piatto
        """,
        QUANTITY: """
            quantity, qty, item quantity, item qty, quantity sold, qty sold, units sold, items sold, units,
            count, sold, number sold, net quantity, quantity ordered, amount sold, menge, anzahl, stuck, stueck,
            stk, quantite, qte, nombre vendu, cantidad, unidades, quantita, qta, aantal
        """,
        UNIT_PRICE: """
            unit price, price per unit, item price, product price, price each, price per item, menu price, base
            price, price, einzelpreis, stuckpreis, preis, prix unitaire, prix, precio unitario, precio, prezzo
            unitario, prezzo, prijs
        """,
        GROSS: """
            line total, total price, item total, gross sales, gross amount, gross total, gross price, gross,
            final price, total amount, line amount, extended price, total, amount, sales, revenue, price gross,
            gesamtpreis, gesamt, umsatz, brutto, bruttoumsatz, betrag, summe, montant ttc, total ttc, prix
            total, montant, importe, totale, totaal
        """,
        NET: """
            net sales, net amount, net total, net price, net, total ex tax, total excl tax, price net, sales ex
            tax, netto, nettoumsatz, montant ht, total ht, importe neto, netto totale
        """,
        DISCOUNT: """
            discount, discounts, discount amount, item discount, line discount, rabatt, remise, descuento,
            sconto, korting
        """,
        TAX: """
            tax, taxes, tax amount, vat, vat amount, gst, sales tax, mwst, ust, steuer, tva, iva, btw
        """,
        CATEGORY: """
            category, item category, product category, sales category, menu category, menu group, category name,
            family, department, kategorie, warengruppe, categorie, categoria, famille
        """,
        VOIDED: """
            void, voided, is void, is voided, cancelled, canceled, is cancelled, storno, storniert, annule
        """,
        GUESTS: """
            guests, guest count, number of guests, no of guests, guests count, guest number, covers, cover count,
            number of covers, covers count, pax, party size, persons, gaste, gaeste, anzahl gaste, personen, couverts,
            nombre de couverts, cubiertos, comensales, coperti, gasten
        """,
    }.items()
}


class UnknownColumn(ValueError):
    """A mapping by hand names a field or a column that does not exist."""


def plain(name: str) -> str:
    """``Unit price (£)`` → ``unit price``: how names are compared."""
    bare = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())


def distinct(header: Sequence[str]) -> list[str]:
    """The header's names, trimmed; a repeated or empty one gets its place, so that each can be pointed at."""
    names: list[str] = []
    for place, raw in enumerate(header, start=1):
        name = " ".join(raw.split()) or f"Column {place}"
        names.append(f"{name} ({place})" if name in names else name)
    return names


def recognise(header: Sequence[str]) -> dict[str, int]:
    """Field → column for every field that the header names in a known way; each column is used once."""
    places: dict[str, int] = {}
    for position, name in enumerate(header):
        places.setdefault(plain(name), position)
    found: dict[str, int] = {}
    for field, aliases in ALIASES.items():
        place = next((places[alias] for alias in aliases if alias in places), None)
        if place is not None and place not in found.values():
            found[field] = place
    return found


def apply(by_hand: Mapping[str, str], header: Sequence[str]) -> dict[str, int]:
    """``recognise``, overridden by ``by_hand``: field → the column's name or ``#3``; an empty name means no column."""
    found = recognise(header)
    for given, column in by_hand.items():
        field = SYNONYMS.get(given.strip().lower(), given.strip().lower())
        if field not in LABELS:
            raise UnknownColumn(f"There is no field “{given}”. The fields are: {', '.join(LABELS)}.")
        found.pop(field, None)
        if column:
            found[field] = _place(column, header)
    return {field: found[field] for field in LABELS if field in found}


def _place(column: str, header: Sequence[str]) -> int:
    names = distinct(header)
    if column in names:
        return names.index(column)
    if column.startswith("#") and column[1:].isdigit() and 1 <= int(column[1:]) <= len(header):
        return int(column[1:]) - 1
    alike = [place for place, name in enumerate(names) if plain(name) == plain(column)]
    if not alike or not plain(column):
        raise UnknownColumn(f"The file has no column “{column}”. Its columns are: {', '.join(names)}.")
    return alike[0]


def fingerprint(header: Sequence[str]) -> str:
    """The same for every file with this header, whatever its delimiter or encoding: how a layout is recognised."""
    return hashlib.sha256("\x1f".join(plain(name) or name for name in header).encode()).hexdigest()
