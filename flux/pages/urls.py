from django.urls import path

from flux.pages import menu, sales, settings, today

app_name = "pages"
urlpatterns = [
    path("", today.today, name="today"),
    path("jobs/", today.jobs, name="jobs"),
    path("run/", today.run_now, name="run_now"),
    path("menu/", menu.menu, name="menu"),
    path("sales/files/<uuid:file_id>/import/", sales.import_file, name="import_file"),
    path("settings/", settings.settings, name="settings"),
    path("settings/name/", settings.rename, name="rename"),
]
