from django.urls import path

from pos import views

app_name = "pos"
urlpatterns = [
    path("", views.history, name="history"),
    path("<int:year>-<int:number>/", views.month, name="month"),
    path("upload/", views.upload, name="upload"),
    path("files/<uuid:file_id>/", views.file, name="file"),
    path("files/<uuid:file_id>/rejects.csv", views.rejects, name="rejects"),
    path("imports/<uuid:job_id>/", views.progress, name="progress"),
    path("sources/change/", views.source_change, name="source_change"),
    path("sources/<uuid:connection_id>/", views.source, name="source"),
]
