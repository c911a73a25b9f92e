from django.urls import path

from tenants import views

app_name = "auth"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("enter/", views.enter, name="enter"),
    path("sign-out/", views.sign_out, name="sign_out"),
]
