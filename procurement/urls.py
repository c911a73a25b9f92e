from django.urls import path

from procurement import views

app_name = "procurement"
urlpatterns = [
    path("orders/", views.order_list, name="order_list"),
    path("orders/suggest/", views.suggest, name="suggest"),
    path("orders/suppliers/", views.suppliers, name="suppliers"),
    path("orders/suppliers/new/", views.supplier_add, name="supplier_add"),
    path("orders/suppliers/<uuid:supplier_id>/", views.supplier, name="supplier"),
    path("orders/suppliers/<uuid:supplier_id>/edit/", views.supplier_edit, name="supplier_edit"),
    path("orders/suppliers/<uuid:supplier_id>/items/new/", views.item_add, name="item_add"),
    path("orders/items/<uuid:item_id>/", views.item_edit, name="item_edit"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/lines/<int:line_id>/", views.edit_line, name="edit_line"),
    path("orders/<uuid:order_id>/approve/", views.approve, name="approve"),
    path("orders/<uuid:order_id>/send/", views.send, name="send"),
    path("orders/<uuid:order_id>/mark-sent/", views.mark_sent, name="mark_sent"),
    path("orders/<uuid:order_id>/receive/", views.receive, name="receive"),
    path("orders/<uuid:order_id>/cancel/", views.cancel, name="cancel"),
    path("stock/", views.stock, name="stock"),
    path("stock/<uuid:ingredient_id>/count/", views.count, name="count"),
]
