from django.urls import path

from flux.pages import menu

app_name = "pages"
urlpatterns = [
    path("menu/", menu.menu, name="menu"),
]
