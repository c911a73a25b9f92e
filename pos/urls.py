from django.urls import URLPattern, URLResolver

app_name = "pos"
urlpatterns: list[URLPattern | URLResolver] = []
