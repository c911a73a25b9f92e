from django.urls import URLPattern, URLResolver

app_name = "menu"
urlpatterns: list[URLPattern | URLResolver] = []
