from django.urls import path

from flux.pages import activity, data, keys, menu, sales, settings, today

app_name = "pages"
urlpatterns = [
    path("", today.today, name="today"),
    path("jobs/", today.jobs, name="jobs"),
    path("run/", today.run_now, name="run_now"),
    path("menu/", menu.menu, name="menu"),
    path("sales/files/<uuid:file_id>/import/", sales.import_file, name="import_file"),
    path("settings/", settings.settings, name="settings"),
    path("settings/keys/", keys.keys, name="keys"),
    path("settings/keys/make/", keys.key_make, name="key_make"),
    path("settings/keys/<uuid:key_id>/", keys.key, name="key"),
    path("settings/keys/<uuid:key_id>/rotate/", keys.key_rotate, name="key_rotate"),
    path("settings/keys/<uuid:key_id>/revoke/", keys.key_revoke, name="key_revoke"),
    path("settings/data/", data.data, name="data"),
    path("settings/data/export/", data.export, name="export"),
    path("settings/activity/", activity.activity, name="activity"),
    path("settings/activity/export.csv", activity.activity_export, name="activity_export"),
    path("settings/name/", settings.rename, name="rename"),
]
