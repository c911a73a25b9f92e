from django.urls import path

from flux.pages import activity, data, hours, keys, menu, overrides, people, sales, settings, tablets, today

app_name = "pages"
urlpatterns = [
    path("", today.today, name="today"),
    path("jobs/", today.jobs, name="jobs"),
    path("run/", today.run_now, name="run_now"),
    path("menu/", menu.menu, name="menu"),
    path("forecast/overrides/", overrides.override_list, name="overrides"),
    path("forecast/overrides/make/", overrides.override_make, name="override_make"),
    path("forecast/overrides/<uuid:override_id>/undo/", overrides.override_undo, name="override_undo"),
    path("sales/files/<uuid:file_id>/import/", sales.import_file, name="import_file"),
    path("settings/", settings.settings, name="settings"),
    path("me/", people.me, name="me"),
    path("me/pin/", people.my_pin, name="my_pin"),
    path("me/leave/", people.leave, name="leave"),
    path("settings/people/", people.people_list, name="people"),
    path("settings/people/invite/", people.invite, name="invite"),
    path(
        "settings/people/invitations/<uuid:invitation_id>/resend/", people.invitation_resend, name="invitation_resend"
    ),
    path(
        "settings/people/invitations/<uuid:invitation_id>/revoke/", people.invitation_revoke, name="invitation_revoke"
    ),
    path("settings/people/support/<uuid:membership_id>/end/", people.support_end, name="support_end"),
    path("settings/people/<uuid:member_id>/", people.person, name="person"),
    path("settings/people/<uuid:member_id>/role/", people.person_role, name="person_role"),
    path("settings/people/<uuid:member_id>/pin/", people.person_pin, name="person_pin"),
    path("settings/people/<uuid:member_id>/remove/", people.person_remove, name="person_remove"),
    path("settings/tablets/", tablets.tablet_list, name="tablets"),
    path("settings/tablets/enrol/", tablets.tablet_enrol, name="tablet_enrol"),
    path("settings/tablets/<uuid:tablet_id>/revoke/", tablets.tablet_revoke, name="tablet_revoke"),
    path("settings/keys/", keys.keys, name="keys"),
    path("settings/keys/make/", keys.key_make, name="key_make"),
    path("settings/keys/<uuid:key_id>/", keys.key, name="key"),
    path("settings/keys/<uuid:key_id>/rotate/", keys.key_rotate, name="key_rotate"),
    path("settings/keys/<uuid:key_id>/revoke/", keys.key_revoke, name="key_revoke"),
    path("settings/data/", data.data, name="data"),
    path("settings/data/export/", data.export, name="export"),
    path("settings/activity/", activity.activity, name="activity"),
    path("settings/activity/export.csv", activity.activity_export, name="activity_export"),
    path("settings/hours/", hours.hours, name="hours"),
    path("settings/hours/closures/add/", hours.closure_add, name="closure_add"),
    path("settings/hours/closures/remove/", hours.closure_remove, name="closure_remove"),
    path("settings/name/", settings.rename, name="rename"),
    path("settings/business-day/", settings.change_calendar, name="change_calendar"),
    path("settings/currency/", settings.change_currency, name="change_currency"),
    path("settings/address/", settings.move, name="move"),
    path("settings/close/", settings.close, name="close"),
]
