from django.urls import path

from flux.pages import menu, today

app_name = "pages"
urlpatterns = [
    path("", today.today, name="today"),
    path("jobs/", today.jobs, name="jobs"),
    path("run/", today.run_now, name="run_now"),
    path("menu/", menu.menu, name="menu"),
]
