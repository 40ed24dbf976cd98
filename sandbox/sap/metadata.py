"""`$metadata` of a service: EDMX 1.0 for V2, CSDL 4.0 for V4, made from the schema table."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from sandbox.sap.schema import TYPES, Property, Service, View, shown_names

_EDM = {"bool": "Edm.Boolean", "text": "Edm.String", "decimal": "Edm.Decimal"}
_DATES = {
    2: {"date": "Edm.DateTime", "stamp": "Edm.DateTimeOffset"},
    4: {"date": "Edm.Date", "stamp": "Edm.DateTimeOffset"},
}
_EDMX2 = "http://schemas.microsoft.com/ado/2007/06/edmx"
_META = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
_EDM2 = "http://schemas.microsoft.com/ado/2008/09/edm"
_SAP = "http://www.sap.com/Protocols/SAPData"


def document(service: Service) -> bytes:
    """The metadata document."""
    text = _v2(service) if service.version == 2 else _v4(service)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}'.encode()


def _v2(service: Service) -> str:
    types, sets, associations, association_sets = [], [], [], []
    for view in service.views.values():
        kind = TYPES[view.type]
        keys = "".join(f'<PropertyRef Name="{name}"/>' for name in kind.keys)
        body = "".join(
            _property(one.name, one, 2, stamp=kind.stamp if kind.etag else "") for one in kind.properties.values()
        )
        for navigation in kind.navigations.values():
            if navigation.target not in service.views:
                continue
            name = f"{kind.name}_{navigation.name}"
            body += (
                f'<NavigationProperty Name="{navigation.name}" Relationship="{service.name}.{name}" '
                'FromRole="From" ToRole="To"/>'
            )
            associations.append(
                f'<Association Name="{name}"><End Type="{service.name}.{kind.name}Type" Multiplicity="1" Role="From"/>'
                f'<End Type="{service.name}.{navigation.target}Type" Multiplicity="*" Role="To"/></Association>'
            )
            association_sets.append(
                f'<AssociationSet Name="{name}Set" Association="{service.name}.{name}">'
                f'<End EntitySet="{view.name}" Role="From"/><End EntitySet="{navigation.target}" Role="To"/></AssociationSet>'
            )
        types.append(f'<EntityType Name="{kind.name}Type"><Key>{keys}</Key>{body}</EntityType>')
        sets.append(f'<EntitySet Name="{view.name}" EntityType="{service.name}.{kind.name}Type"/>')
    return (
        f'<edmx:Edmx Version="1.0" xmlns:edmx="{_EDMX2}" xmlns:m="{_META}" xmlns:sap="{_SAP}">'
        f'<edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="{service.name}" xmlns="{_EDM2}">'
        + "".join(types)
        + "".join(associations)
        + f'<EntityContainer Name="{service.name}_Entities" m:IsDefaultEntityContainer="true">'
        + "".join(sets)
        + "".join(association_sets)
        + "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _v4(service: Service) -> str:
    types, sets = [], []
    for view in service.views.values():
        kind, names = TYPES[view.type], shown_names(view)
        shown = {own: name for name, own in names.items()}
        keys = "".join(f'<PropertyRef Name="{shown[name]}"/>' for name in kind.keys)
        body = "".join(
            _property(name, kind.properties[own], 4) for name, own in names.items() if own in kind.properties
        )
        for name, own in names.items():
            target = kind.navigations.get(own)
            target_view = _view_of(service, target.target) if target else None
            if target_view:
                body += (
                    f'<NavigationProperty Name="{name}" Type="Collection({service.namespace}.{target_view.name}Type)"/>'
                )
        types.append(f'<EntityType Name="{view.name}Type"><Key>{keys}</Key>{body}</EntityType>')
        sets.append(f'<EntitySet Name="{view.name}" EntityType="{service.namespace}.{view.name}Type"/>')
    return (
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        f'<Schema Namespace="{service.namespace}" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        + "".join(types)
        + '<EntityContainer Name="Container">'
        + "".join(sets)
        + "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _view_of(service: Service, type_name: str) -> View | None:
    return next((view for view in service.views.values() if view.type == type_name), None)


def _property(name: str, one: Property, version: int, *, stamp: str = "") -> str:
    edm = _EDM.get(one.type) or _DATES[version][one.type]
    facets = f'Name={quoteattr(name)} Type="{escape(edm)}"'
    if one.key:
        facets += ' Nullable="false"'
    if one.type == "text":
        facets += f' MaxLength="{one.size}"'
    if one.type == "decimal":
        facets += f' Precision="31" Scale="{one.size}"'
    if one.type == "stamp" and version == 2:
        facets += ' Precision="7"'
    if stamp == one.name:
        facets += ' ConcurrencyMode="Fixed"'
    return f"<Property {facets}/>"
